/** Over a thousand files, whole and damaged, like the fixture folders of imaging libraries, each against Pillow. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/shared/images/decode.ts';
import { newFolder } from '../../support/folders.ts';
import { REASONS, type Reason } from './corpus/reasons.ts';

/** A file of the corpus; sizes are those of the upright image. */
interface CorpusFile {
  name: string;
  kind: string;
  damage?: string;
  width: number;
  height: number;
}

const SCRIPT = 'tests/shared/images/golden/make_corpus.py';
const PINS = /pip install (.*)/.exec(readFileSync(SCRIPT, 'utf8'))![1].split(' ');
/** Mean difference in grey levels up to which two images are equal. */
const EQUAL = 2;
/** Share of black pixels that a damaged image may have more than the whole one: a block of 40 pixels set to zero. */
const BLACK = 0.01;

function canMakeVenv(): boolean {
  try {
    execFileSync('python3', ['-c', 'import ensurepip, venv']);
    return true;
  } catch {
    return false;
  }
}

function distance(left: Uint8Array, right: Uint8Array | undefined): number {
  if (left.length !== right?.length) return 255;
  return left.reduce((sum, value, i) => sum + Math.abs(value - right[i]), 0) / left.length;
}

function blackShare(rgb: Uint8Array): number {
  let black = 0;
  for (let i = 0; i < rgb.length; i += 3) if (rgb[i] + rgb[i + 1] + rgb[i + 2] === 0) black++;
  return (3 * black) / rgb.length;
}

describe.skipIf(!canMakeVenv())('a corpus of image files', () => {
  const folder = newFolder();

  beforeAll(() => {
    execFileSync('python3', ['-m', 'venv', join(folder, 'venv')]);
    const bin = join(folder, 'venv', 'bin');
    execFileSync(join(bin, 'pip'), ['install', '--quiet', '--disable-pip-version-check', ...PINS]);
    execFileSync(join(bin, 'python'), [SCRIPT, folder], { stdio: ['ignore', 'ignore', 'ignore'] });
  }, 600_000);

  const pixels = (part: string, { name }: CorpusFile): Uint8Array | undefined => {
    const file = join(folder, part, `${name}.rgb`);
    return existsSync(file) ? new Uint8Array(readFileSync(file)) : undefined;
  };

  /** What became of a file: `equal`, or one of the outcomes that need a reason. */
  const outcomeOf = async (file: CorpusFile): Promise<Reason['outcome'] | 'equal' | 'black'> => {
    const bytes = readFileSync(join(folder, 'files', file.name));
    const decoded = await decodeImage(bytes, file).catch((thrown: Error) => {
      expect(thrown, file.name).toMatchObject({ name: 'InputError' });
    });
    const pillow = pixels('pillow', file);
    const shown = pixels('shown', file);
    if (!decoded) return file.damage ? 'equal' : 'refused';
    if (blackShare(decoded) > blackShare(shown ?? pillow ?? decoded) + BLACK) return 'black';
    if (file.damage) {
      if (distance(decoded, shown) <= EQUAL) return 'equal';
      return distance(decoded, pillow) <= EQUAL ? 'pillow' : 'differs';
    }
    if (distance(decoded, pillow) <= EQUAL) return 'equal';
    return distance(decoded, shown) <= EQUAL ? 'shown' : 'differs';
  };

  it('is read as by Pillow, or listed with the reason, and never black', async () => {
    const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as CorpusFile[];
    const counts = new Map<string, number>();
    const unexplained: string[] = [];
    for (const file of index) {
      const outcome = await outcomeOf(file);
      const reason = REASONS.find(({ files, outcome: one }) => one === outcome && files.test(file.name));
      if (outcome !== 'equal' && !reason) unexplained.push(`${file.name}: ${outcome}`);
      const row = reason
        ? `${outcome}: ${reason.because}`
        : outcome === 'equal' && file.damage
          ? 'damaged: refused, or not to be seen'
          : outcome;
      counts.set(row, (counts.get(row) ?? 0) + 1);
    }
    console.log(`${index.length} files`);
    for (const [row, count] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
      console.log(`${String(count).padStart(5)}  ${row}`);
    expect(unexplained).toEqual([]);
    const unused = REASONS.filter(({ outcome, because }) => !counts.has(`${outcome}: ${because}`));
    expect(unused).toEqual([]);
    expect(index.length).toBeGreaterThan(1000);
  });
});
