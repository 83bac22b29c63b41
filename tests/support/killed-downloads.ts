/** Downloads of a model of a hub in processes of their own that are killed in the middle, and what they leave. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { random } from '../../src/shared/random.ts';
import { type HubServer, hashOf } from './hub-server.ts';

const PROGRAM = fileURLToPath(new URL('programs/fetch-hub-model.js', import.meta.url));

/** Sends large files in pieces, each some milliseconds after the one before. */
export function slowly(hub: HubServer, { pieces, pause }: { pieces: number; pause: number }): void {
  hub.faults.push((request, response) => {
    const files = Object.values(hub.repositories).flatMap((repository) => Object.values(repository.files));
    const bytes = files.find((candidate) => request.url === `/${hashOf(candidate)}`);
    if (!bytes) return false;
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': bytes.length - from,
      ...(from > 0 && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    const step = Math.ceil(bytes.length / pieces);
    const send = (start: number): void => {
      if (start >= bytes.length) return void response.end();
      response.write(bytes.subarray(start, start + step), () => setTimeout(() => send(start + step), pause));
    };
    send(from);
    return true;
  });
}

/**
 * Starts downloads one after the other and kills each at a random moment after the hub has heard of it; looks at the cache after each.
 * @param repository folder `models--ORG--NAME`
 * @returns how many were killed before they were done
 */
export async function killedDownloads(
  hub: HubServer,
  {
    name,
    repository,
    count,
    longest,
    environment,
  }: {
    name: string;
    repository: string;
    count: number;
    /** Milliseconds. */
    longest: number;
    environment: Record<string, string>;
  },
): Promise<number> {
  const draw = random(7, 'killed downloads');
  let killed = 0;
  for (let index = 0; index < count; index++) {
    const heard = hub.requests.length;
    const child = spawn(process.execPath, [PROGRAM, name], {
      env: { ...process.env, ...environment },
      stdio: 'ignore',
    });
    const ended = new Promise<boolean>((resolve) =>
      child.on('close', (_, signal) => resolve(signal === 'SIGKILL')),
    );
    while (hub.requests.length === heard && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 2));
    const timer = setTimeout(() => child.kill('SIGKILL'), draw.uniform() * longest);
    if (await ended) killed++;
    clearTimeout(timer);
    expectWholeFiles(hub, repository);
    // Those that follow have something to download again.
    const [{ commit }] = Object.values(hub.repositories);
    if (existsSync(join(repository, 'snapshots', commit, 'onnx', 'model.onnx')))
      rmSync(repository, { recursive: true });
  }
  return killed;
}

/** Every blob has the content that its name says, and every file of a snapshot leads to one. */
export function expectWholeFiles(hub: HubServer, repository: string): void {
  const blobs = join(repository, 'blobs');
  const names = existsSync(blobs) ? readdirSync(blobs).filter((name) => /^[0-9a-f]+$/.test(name)) : [];
  for (const name of names) expect(hashOf(readFileSync(join(blobs, name)))).toBe(name);
  const [{ commit, files }] = Object.values(hub.repositories);
  for (const [file, bytes] of Object.entries(files)) {
    const path = join(repository, 'snapshots', commit, file);
    if (statSync(path, { throwIfNoEntry: false })) expect(readFileSync(path).equals(bytes)).toBe(true);
  }
}
