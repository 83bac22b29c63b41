/** Exports of heads on several depths, behind the smallest network of each family. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportHead } from '../../src/export/export.ts';
import { requestedColumns } from '../../src/shared/backbones/depths.ts';
import { readHead } from '../../src/shared/head/record.ts';
import { newFolder } from '../support/folders.ts';
import { writeRandomHead } from '../support/random-head.ts';

const SIZE = { width: 96, height: 80 };
const FORMATS = [
  { format: 'onnx' },
  { format: 'keras', full: true },
  { format: 'keras' },
  { format: 'tfjs' },
  { format: 'safetensors' },
] as const;

describe('a head on the depths of', () => {
  it.each([
    'efficientnet_lite0',
    'resnet50',
    'resnet50_v2',
    'vgg16',
    'inception_v3',
    'inception_resnet_v2',
    'xception',
    'mobilenet_0.25',
    'mobilenet_v2_0.35',
    'mobilenet_v3_small_0.75',
    'mobilenet_v3_small_minimalistic',
    'densenet121',
    'nasnet_mobile',
    'efficientnet_b0',
    'efficientnet_v2_b0',
    'convnext_tiny',
  ])('%s answers in every format as permafrost does', async (backbone) => {
    const folder = newFolder();
    const poolings = requestedColumns(backbone, ['avg']);
    const config = { normalize: 'l2' as const };
    const dir = await writeRandomHead(join(folder, 'best'), { backbone, poolings, size: SIZE, config });
    const head = await readHead(dir);
    for (const options of FORMATS) {
      const out = join(folder, `${options.format}${'full' in options}`);
      const { difference } = await exportHead({ head, out, weights: [], ...options });
      expect(difference, JSON.stringify(options)).toBeLessThan(1e-4);
    }
  });

  it('one network under other poolings, and of several networks', async () => {
    const folder = newFolder();
    const heads = [
      { backbone: 'mobilenet_0.25', poolings: requestedColumns('mobilenet_0.25', ['gem', 'max', 'flatten']) },
      { backbone: ['mobilenet_0.25', 'mobilenet_0.5'], poolings: requestedColumns('mobilenet_0.5', ['avg']) },
    ];
    for (const [at, choices] of heads.entries()) {
      const head = await readHead(await writeRandomHead(join(folder, `best-${at}`), choices));
      for (const options of FORMATS) {
        const out = join(folder, `${options.format}${'full' in options}-${at}`);
        const { difference } = await exportHead({ head, out, weights: [], ...options });
        expect(difference, JSON.stringify(options)).toBeLessThan(1e-4);
      }
    }
  });
});
