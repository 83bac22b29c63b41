/** What probes tell of the layers of a store, whichever of them heads are trained on. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DepthGap } from '../../../src/shared/analysis/depth-gap.ts';
import { loadDataset } from '../../../src/shared/dataset/load.ts';
import { splitDataset } from '../../../src/shared/dataset/split-dataset.ts';
import { loadEngine } from '../../../src/shared/engines/engine.ts';
import { random } from '../../../src/shared/random.ts';
import { silent } from '../../../src/shared/reporter.ts';
import { openStore } from '../../../src/shared/store/reader.ts';
import type { Pipeline } from '../../../src/shared/store/schema.ts';
import { createStoreWriter } from '../../../src/shared/store/writer.ts';
import { probeDepths } from '../../../src/train/evaluation/probe-depths.ts';
import { trainHeads } from '../../../src/train/library.ts';
import { newFolder } from '../../support/folders.ts';
import { pipeline } from '../../support/pipeline.ts';

const IMAGES = 200;
const INPUTS = 8;

/** Two classes that are apart by so many deviations in one feature of a column; every image has a view, whose features tell nothing. */
async function storeOf(columns: Record<string, number>, changes: Partial<Pipeline> = {}): Promise<string> {
  const dir = join(newFolder(), 'store');
  const names = Object.keys(columns);
  const writer = await createStoreWriter(dir, {
    pipeline: { ...pipeline(), weights: 'imagenet', ...changes },
    classes: ['a', 'b'],
    columns: names.map((name) => ({ name, dimension: INPUTS })),
    images: IMAGES,
  });
  const stream = random(3, 'depths');
  for (let number = 0; number < 2 * IMAGES; number++) {
    const [image, view] = [number >> 1, number & 1];
    const label = image % 2;
    const features = names.map((name) =>
      Float32Array.from({ length: INPUTS }, (_, i) => {
        const apart = i === 0 && view === 0 ? (label - 0.5) * columns[name] : 0;
        return 3 + stream.normal() + apart;
      }),
    );
    const sha256 = createHash('sha256').update(String(image)).digest('hex');
    const labels = [['a', 'b'][label]];
    const record = { path: `${image}.jpg`, sha256, labels, split: null, view, group: null };
    await writer.append(record, features);
  }
  await writer.finish({ failed: 0 });
  return dir;
}

async function probed(dir: string): Promise<DepthGap | undefined> {
  const sources = [{ features: [dir], pooling: ['last'] }];
  const loaded = await loadDataset({ sources, copies: 1, task: 'auto' }, silent);
  const dataset = splitDataset(loaded, { split: [70, 15, 15] }, silent);
  return probeDepths(dataset, await openStore(dir), await loadEngine('onnxruntime', { threads: 1 }));
}

describe('probes on the depths of a store', () => {
  it('see what only an earlier layer tells', async () => {
    const gap = await probed(await storeOf({ avg: 1, 'conv3/avg': 4 }));
    expect(gap).toMatchObject({ backbone: 'resnet50', images: IMAGES, metric: 'accuracy' });
    // Classes of normal features that are d apart are told by a share Phi(d / 2): 0.69 and, of both, sqrt(17) apart, 0.98.
    expect(gap?.last).toBeCloseTo(0.69, 1);
    expect(gap?.depths).toBeGreaterThan(0.95);
    expect(gap?.interval?.low).toBeGreaterThan(0.15);
  });

  it('see no gap where the last layer tells as much', async () => {
    const gap = await probed(await storeOf({ avg: 4, 'conv3/avg': 1 }));
    expect(gap?.last).toBeGreaterThan(0.95);
    expect(gap?.interval).toBeNull();
  });

  it.each<[string, Record<string, number>, Partial<Pipeline>]>([
    ['one layer', { avg: 1 }, {}],
    ['no last layer', { 'conv2/avg': 1, 'conv3/avg': 4 }, {}],
    ['random weights', { avg: 1, 'conv3/avg': 4 }, { weights: 'none' }],
  ])('are silent about a store with %s', async (_, columns, changes) => {
    expect(await probed(await storeOf(columns, changes))).toBeUndefined();
  });

  it('are made where heads had the last layer alone, and the command names the best head', async () => {
    const out = join(newFolder(), 'run');
    const features = [await storeOf({ avg: 1, 'conv3/avg': 4 })];
    const { diagnosis } = await trainHeads({
      source: { features },
      head: { optimizer: 'lbfgs', l2: 0.01 },
      out,
      report: false,
    });
    expect(diagnosis).toContainEqual(
      expect.objectContaining({ id: 'domain-far', flag: `permafrost fine-tune --head ${join(out, 'best')}` }),
    );
  });
});
