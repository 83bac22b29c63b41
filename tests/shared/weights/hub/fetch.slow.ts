/**
 * 200 downloads killed in the middle; and the cache is Python's: huggingface_hub downloads from the same server, finds what
 * permafrost downloaded, and permafrost what it did. PERMAFROST_HUB_PYTHON names a Python with huggingface_hub 2.4.0:
 *
 *     python3.11 -m venv .venv && .venv/bin/pip install huggingface_hub==2.4.0
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newFolder } from '../../../support/folders.ts';
import { type HubServer, startHub } from '../../../support/hub-server.ts';
import { expectWholeFiles, killedDownloads, slowly } from '../../../support/killed-downloads.ts';

const PYTHON = process.env.PERMAFROST_HUB_PYTHON;
const PROGRAM = fileURLToPath(new URL('../../../support/programs/fetch-hub-model.js', import.meta.url));
const COMMIT = 'b'.repeat(40);
const NAME = 'hf:org/small';

let hub: HubServer;
let environment: Record<string, string>;
let repository: string;

beforeEach(async () => {
  const files = {
    'config.json': Buffer.from('{}'),
    'preprocessor_config.json': Buffer.from('{"do_resize":true}'),
    'onnx/model.onnx_data': randomBytes(900_000),
    'onnx/model.onnx': randomBytes(400_000),
  };
  hub = await startHub({ 'org/small': { commit: COMMIT, files } });
  const home = newFolder();
  environment = { HF_ENDPOINT: hub.endpoint, HF_HOME: home, HF_HUB_DISABLE_TELEMETRY: '1' };
  repository = join(home, 'hub', 'models--org--small');
});
afterEach(async () => hub.close());

async function run(program: string, args: string[]): Promise<string> {
  const child = spawn(program, args, { env: { ...process.env, ...environment } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  expect(status, stderr).toBe(0);
  return stdout.trim();
}

const fetch = (name = NAME) => run(process.execPath, [PROGRAM, name]);
const python = (file: string, options = '') =>
  run(PYTHON!, [
    '-c',
    `from huggingface_hub import hf_hub_download; print(hf_hub_download("org/small", "${file}"${options}))`,
  ]);
const bytesOf = (file: string) => hub.repositories['org/small'].files[file];

it('200 kills in the middle leave nothing that is taken for whole', async () => {
  slowly(hub, { pieces: 25, pause: 4 });
  const killed = await killedDownloads(hub, {
    name: NAME,
    repository,
    count: 200,
    longest: 220,
    environment,
  });
  console.log(`${killed} of 200 downloads were killed before their end`);
  expect(killed).toBeGreaterThan(100);
  await fetch();
  expectWholeFiles(hub, repository);
});

describe.skipIf(!PYTHON)("Python's huggingface_hub", () => {
  it('downloads from the same server', async () => {
    for (const file of Object.keys(hub.repositories['org/small'].files))
      expect(readFileSync(await python(file)).equals(bytesOf(file))).toBe(true);
  });

  it('finds what permafrost downloaded without a request', async () => {
    await fetch();
    hub.requests.length = 0;
    for (const file of Object.keys(hub.repositories['org/small'].files)) {
      const path = await python(file, ', local_files_only=True');
      expect(path).toBe(join(repository, 'snapshots', COMMIT, file));
      expect(readFileSync(path).equals(bytesOf(file))).toBe(true);
    }
    expect(hub.requests).toEqual([]);
    const scanned = await run(PYTHON!, [
      '-c',
      'from huggingface_hub import scan_cache_dir; found = scan_cache_dir(); print(len(found.repos), found.warnings)',
    ]);
    expect(scanned).toBe('1 []');
  });

  it('has downloaded what permafrost finds without a request', async () => {
    for (const file of Object.keys(hub.repositories['org/small'].files)) await python(file);
    hub.requests.length = 0;
    expect(await fetch(`${NAME}@${COMMIT}`)).toBe(`${NAME}@${COMMIT}/onnx/model.onnx`);
    expect(hub.requests).toEqual([]);
  });
});
