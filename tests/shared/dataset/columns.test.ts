/** Columns by their names and by the words for them. */
import { describe, expect, it } from 'vitest';
import { requestedColumnsOf } from '../../../src/shared/dataset/columns.ts';
import type { Pipeline } from '../../../src/shared/store/schema.ts';
import { pipeline, storeManifest } from '../../support/pipeline.ts';

function store(names: readonly string[], changes: Partial<Pipeline> = {}) {
  const columns = names.map((name) => ({ name, dimension: 2 }));
  const manifest = storeManifest({ columns, pipeline: { ...pipeline(), weights: 'imagenet', ...changes } });
  return { dir: 'cache/photos', columns, manifest };
}
const DEEP = store(['avg', 'max', 'conv2/avg', 'conv2/max', 'conv3/avg']);

describe('columns of a store', () => {
  it.each([
    [[], ['avg']],
    [['last'], ['avg']],
    [['depths'], ['avg', 'conv2/avg', 'conv3/avg']],
    [
      ['max', 'conv2/avg'],
      ['max', 'conv2/avg'],
    ],
    [
      ['max', 'depths', 'last'],
      ['max', 'avg', 'conv2/avg', 'conv3/avg'],
    ],
  ])('%j are %j', (requested, columns) => {
    expect(requestedColumnsOf(DEEP, requested)).toEqual(columns);
  });

  it('are the first where the store has none of the last layer', () => {
    expect(requestedColumnsOf(store(['conv2/max', 'conv3/max']), ['last'])).toEqual(['conv2/max']);
  });

  it('have near names where one is unknown', () => {
    expect(() => requestedColumnsOf(DEEP, ['depth'])).toThrow('but received "depth" (did you mean depths?)');
  });

  it.each([
    ['conv4/avg', 'conv4'],
    ['conv3/max', 'conv3 --pooling max'],
    ['gem', 'last --pooling gem'],
  ])('say how to add %s', (name, flags) => {
    expect(() => requestedColumnsOf(DEEP, [name])).toThrow(
      `; to add it: permafrost extract --data DATA --backbone resnet50 --layer ${flags} --size 224x160 --out cache/photos`,
    );
  });

  it('say nothing of adding what can be no column', () => {
    expect(() => requestedColumnsOf(DEEP, ['conv4/average'])).toThrow(/^(?!.*to add it)/);
  });

  it('say how to add depths that the store lacks', () => {
    expect(() => requestedColumnsOf(store(['avg']), ['depths'])).toThrow(
      'Expected several layers for --pooling depths but cache/photos has avg; to add them: ' +
        'permafrost extract --data DATA --backbone resnet50 --layer depths --size 224x160 --out cache/photos',
    );
    const model = { backbone: 'net.onnx', weights: '/models/net.onnx', preprocessing: 'half' };
    expect(() => requestedColumnsOf(store(['output'], model), ['depths'])).toThrow(
      'has none; to add them: permafrost extract --data DATA --backbone /models/net.onnx --preprocess half ' +
        '--layer NAME,NAME --size 224x160 --resize stretch --interpolation bilinear --out cache/photos',
    );
  });
});
