/** Content hashes for tests. */
import { type ContentHashes, contentHashes, setHash } from '../../src/shared/dataset/content-hashes.ts';

/** Hashes that begin with the texts, and so have their order. */
export function hashesOf(texts: readonly string[]): ContentHashes {
  const hashes = contentHashes(texts.length);
  for (const [row, text] of texts.entries())
    setHash(hashes, row, Buffer.from(text).toString('hex').padEnd(64, '0').slice(0, 64));
  return hashes;
}
