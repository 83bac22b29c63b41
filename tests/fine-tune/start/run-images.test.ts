/** The splits and labels of a head's run, image by image. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { readRunImages } from '../../../src/fine-tune/start/read-splits.ts';
import { withRunImages } from '../../../src/fine-tune/start/run-images.ts';
import { readFeatures } from '../../../src/shared/dataset/features.ts';
import { silent } from '../../../src/shared/reporter.ts';
import { newFolder } from '../../support/folders.ts';
import { syntheticStore } from '../../support/synthetic-store.ts';

/** The folder of a head, beside predictions.csv. */
function runWith(csv: string): string {
  const best = join(newFolder(), 'best');
  mkdirSync(best);
  writeFileSync(join(best, '..', 'predictions.csv'), csv);
  return best;
}

const HEADER = 'path,split,labels,predicted,p_a\n';

async function tableOf(names: readonly string[]) {
  const images = names.map((name, index) => ({ name, labels: ['old'], features: [index] }));
  const store = await syntheticStore(images);
  return { ...(await readFeatures([{ features: [store], pooling: [] }], silent)), paths: [...names] };
}

async function joined(names: readonly string[], csv: string, warn = vi.fn()) {
  const places = { store: 'STORE', run: 'RUN', reporter: { ...silent, warn } };
  const { paths, splits, labels, sets } = withRunImages(
    await tableOf(names),
    await readRunImages(runWith(csv)),
    places,
  );
  return {
    rows: paths.map((path, row) => [path, splits[row], labels[row]]),
    features: [...(sets[0].matrix as Float32Array)],
  };
}

describe('images of a run', () => {
  it('have its splits and labels, whatever the store says', async () => {
    const csv = `${HEADER}x,train,a,a,1\ny,val,a|b,a,1\nz,test,,a,1\n`;
    const { rows, features } = await joined(['z', 'x', 'y'], csv);
    expect(rows).toEqual([
      ['z', 'test', []],
      ['x', 'train', ['a']],
      ['y', 'val', ['a', 'b']],
    ]);
    expect(features).toEqual([0, 1, 2]);
  });

  it('are found though they were written for a spreadsheet', async () => {
    const { rows } = await joined(['=x', 'y'], `${HEADER}'=x,train,a,a,1\ny,val,a,a,1\n`);
    expect(rows.map(([path, split]) => [path, split])).toEqual([
      ['=x', 'train'],
      ['y', 'val'],
    ]);
  });

  it('leave out what the run did not have, and what it left out', async () => {
    const warn = vi.fn();
    const { rows } = await joined(['x', 'new', 'copy'], `${HEADER}x,train,a,a,1\ncopy,,a,a,1\n`, warn);
    expect(rows).toEqual([['x', 'train', ['a']]]);
    expect(warn).toHaveBeenCalledWith('1 image of STORE was not in RUN and is left out');
  });

  it('must all be in the store', async () => {
    await expect(joined(['x'], `${HEADER}x,train,a,a,1\ny,val,a,a,1\n`)).rejects.toThrow(
      'Expected the images of RUN in STORE but 1 image is not there, such as y: pass --features',
    );
  });
});

describe('predictions.csv', () => {
  it.each([
    ['path,labels\nx,a\n', 'Expected a column split for '],
    [`${HEADER}x,training,a,a,1\n`, 'Expected train, val, test for x in '],
    [`${HEADER}x,"train,a\n`, 'Cannot read '],
  ])('is refused: %j', async (csv, message) => {
    await expect(readRunImages(runWith(csv))).rejects.toThrow(message);
  });

  it('that is not there is asked for', async () => {
    const best = join(newFolder(), 'best');
    await expect(readRunImages(best)).rejects.toThrow('give the folder best where train-head left it');
  });
});
