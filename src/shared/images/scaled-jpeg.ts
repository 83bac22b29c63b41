/** JPEGs decoded at a fraction of their size and by nothing else. */
import { randomUUID } from 'node:crypto';
import { unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError, messageOf } from '../errors.ts';

/**
 * Calls `decode` with the name by which libvips opens a JPEG at 1/`scale` of its size. From a buffer sharp asks for that only
 * where it then resizes by itself, with coarser filters; libvips takes it with a file's name, so there is a file meanwhile.
 */
export async function withScaledJpeg<T>(
  bytes: Buffer,
  scale: number,
  decode: (name: string) => Promise<T>,
): Promise<T> {
  const file = join(tmpdir(), `permafrost-${randomUUID()}.jpg`);
  try {
    await writeFile(file, bytes, { flag: 'wx', mode: 0o600 }).catch((thrown: unknown) => {
      throw new InputError(`no space for a temporary copy of a large JPEG (${messageOf(thrown)})`);
    });
    return await decode(`${file}[shrink=${scale}]`);
  } finally {
    await unlink(file).catch(() => undefined);
  }
}
