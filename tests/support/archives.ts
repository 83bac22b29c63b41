/** The same files as a folder and as archives. */
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { ZipFile } from 'yazl';
import { newFolder } from './folders.ts';

export type Files = Readonly<Record<string, string | Buffer>>;

/** Files of these names without content, which is enough to list them. */
export function named(names: readonly string[]): Files {
  return Object.fromEntries(names.map((name) => [name, '']));
}

export function folderOf(files: Files): string {
  const root = join(newFolder(), 'photos');
  mkdirSync(root);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

export async function zipOf(files: Files): Promise<string> {
  const path = join(newFolder(), 'photos.zip');
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}

async function tarBytes(files: Files): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name }, Buffer.from(content));
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export async function tarOf(files: Files): Promise<string> {
  return fileOf('photos.tar', await tarBytes(files));
}

export async function tarGzOf(files: Files): Promise<string> {
  return fileOf('photos.tar.gz', gzipSync(await tarBytes(files)));
}

/** A file of its own with these bytes. */
export function fileOf(name: string, bytes: string | Uint8Array): string {
  const path = join(newFolder(), name);
  writeFileSync(path, bytes);
  return path;
}
