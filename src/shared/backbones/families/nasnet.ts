/** NASNet-A (Zoph et al. 2017), as in keras/src/applications/nasnet.py: same layers, same order of creation. */

import { slice } from '../../graph/build.ts';
import type { Value } from '../../graph/value.ts';
import { type BackboneDefinition, KERAS_FILES } from '../backbone.ts';
import { correctPad, type Pair } from '../layers/padding.ts';
import type { Layers } from '../layers.ts';

interface NasnetVariant {
  name: string;
  kerasName: string;
  size: number;
  penultimateFilters: number;
  /** Normal cells between two reductions. */
  cells: number;
  stemFilters: number;
  /** Whether the cell after a reduction is fed the reduction's own second input. */
  skipReduction: boolean;
  imagenet: { file: string; address: string; hash: string };
}

/** A cell is fed by the cell before it and the one before that (none at first). */
interface Cells {
  current: Value;
  before: Value | undefined;
}

function nasnet({ name, kerasName, size, imagenet, ...variant }: NasnetVariant): BackboneDefinition {
  const filters = variant.penultimateFilters / 24;
  return {
    name,
    kerasName,
    size,
    minimumSize: 32,
    preprocessing: 'tf',
    batchNormMomentum: 0.9997,
    // The last cells before the reductions.
    depths: [variant.cells - 1, 2 * variant.cells].map((cell) => `normal_concat_${cell}`),
    imagenet: () => imagenet,
    build(image, layers) {
      const stem = layers.conv(image, {
        filters: variant.stemFilters,
        kernel: [3, 3],
        strides: [2, 2],
        bias: false,
        name: 'stem_conv1',
      });
      let cells: Cells = { current: layers.batchNorm(stem, { name: 'stem_bn1' }), before: undefined };
      cells = reductionCell(cells, layers, Math.floor(filters / 4), 'stem_1');
      cells = reductionCell(cells, layers, Math.floor(filters / 2), 'stem_2');
      for (const group of [0, 1, 2]) {
        const width = filters * 2 ** group;
        const first = group * variant.cells;
        if (group > 0) {
          const { before } = cells;
          cells = reductionCell(cells, layers, width, `reduce_${first}`);
          if (variant.skipReduction) cells = { ...cells, before };
        }
        for (let index = 0; index < variant.cells; index++) {
          cells = normalCell(cells, layers, width, `${first + index + (group > 0 ? 1 : 0)}`);
        }
      }
      return layers.activation(cells.current, 'relu');
    },
  };
}

/** ReLU, separable convolution and batch-norm, twice; the stride belongs to the first. */
function separable(
  input: Value,
  layers: Layers,
  { filters, size, stride = 1, id }: { filters: number; size: number; stride?: 1 | 2; id: string },
): Value {
  const kernel: Pair = [size, size];
  let x = layers.activation(input, 'relu');
  if (stride === 2) x = layers.zeroPadding(x, correctPad(x.shape, kernel), `separable_conv_1_pad_${id}`);
  x = layers.separableConv(x, {
    filters,
    kernel,
    strides: [stride, stride],
    padding: stride === 2 ? 'valid' : 'same',
    name: `separable_conv_1_${id}`,
  });
  x = layers.activation(layers.batchNorm(x, { name: `separable_conv_1_bn_${id}` }), 'relu');
  x = layers.separableConv(x, { filters, kernel, padding: 'same', name: `separable_conv_2_${id}` });
  return layers.batchNorm(x, { name: `separable_conv_2_bn_${id}` });
}

/** Brings the cell before to the size and channels of the current one. */
function adjust({ current, before }: Cells, layers: Layers, filters: number, id: string): Value {
  if (!before) return current;
  if (before.shape[2] !== current.shape[2]) return factorizedReduction(before, layers, filters, id);
  if (before.shape[3] === filters) return before;
  const x = layers.activation(before, 'relu');
  return layers.batchNorm(project(x, layers, filters, `adjust_conv_projection_${id}`), {
    name: `adjust_bn_${id}`,
  });
}

/** Every second pixel, and every second pixel from the second one on, side by side. */
function factorizedReduction(input: Value, layers: Layers, filters: number, id: string): Value {
  const x = layers.activation(input, 'relu', `adjust_relu_1_${id}`);
  const everySecond = { window: [1, 1], strides: [2, 2] } as const;
  const even = layers.avgPool(x, { ...everySecond, name: `adjust_avg_pool_1_${id}` });
  const half = Math.floor(filters / 2);
  const left = project(even, layers, half, `adjust_conv_1_${id}`);
  const padded = layers.zeroPadding(x, [0, 1, 0, 1]);
  const [, height, width] = padded.shape;
  const cropped = slice(slice(padded, { axis: 1, start: 1, end: height }), { axis: 2, start: 1, end: width });
  const odd = layers.avgPool(layers.layer('cropping2d', [padded], cropped), {
    ...everySecond,
    name: `adjust_avg_pool_2_${id}`,
  });
  const right = project(odd, layers, half, `adjust_conv_2_${id}`);
  return layers.batchNorm(layers.concat([left, right]), { name: `adjust_bn_${id}` });
}

function project(x: Value, layers: Layers, filters: number, name: string): Value {
  return layers.conv(x, { filters, kernel: [1, 1], padding: 'same', bias: false, name });
}

/** The current cell at the width of the new one. */
function entry(x: Value, layers: Layers, filters: number, kind: string, id: string): Value {
  const projected = project(layers.activation(x, 'relu'), layers, filters, `${kind}_conv_1_${id}`);
  return layers.batchNorm(projected, { name: `${kind}_bn_1_${id}` });
}

function normalCell(cells: Cells, layers: Layers, filters: number, id: string): Cells {
  const p = adjust(cells, layers, filters, id);
  const h = entry(cells.current, layers, filters, 'normal', id);
  const conv = (x: Value, size: number, place: string): Value =>
    separable(x, layers, { filters, size, id: `normal_${place}_${id}` });
  const average = (x: Value, place: string): Value =>
    layers.avgPool(x, {
      window: [3, 3],
      strides: [1, 1],
      padding: 'same',
      name: `normal_${place}_${id}`,
    });
  const sum = (a: Value, b: Value, index: number): Value => layers.add(a, b, `normal_add_${index}_${id}`);
  const x1 = sum(conv(h, 5, 'left1'), conv(p, 3, 'right1'), 1);
  const x2 = sum(conv(p, 5, 'left2'), conv(p, 3, 'right2'), 2);
  const x3 = sum(average(h, 'left3'), p, 3);
  const x4 = sum(average(p, 'left4'), average(p, 'right4'), 4);
  const x5 = sum(conv(h, 3, 'left5'), h, 5);
  return {
    current: layers.concat([p, x1, x2, x3, x4, x5], `normal_concat_${id}`),
    before: cells.current,
  };
}

function reductionCell(cells: Cells, layers: Layers, filters: number, id: string): Cells {
  const p = adjust(cells, layers, filters, id);
  const h = entry(cells.current, layers, filters, 'reduction', id);
  const padded = layers.zeroPadding(h, correctPad(h.shape, [3, 3]), `reduction_pad_1_${id}`);
  const halve = (x: Value, size: number, place: string): Value =>
    separable(x, layers, { filters, size, stride: 2, id: `reduction_${place}_${id}` });
  const window = { window: [3, 3], strides: [2, 2] } as const;
  const x1 = layers.add(halve(h, 5, 'left1'), halve(p, 7, 'right1'), `reduction_add_1_${id}`);
  const x2 = layers.add(
    layers.maxPool(padded, { ...window, name: `reduction_left2_${id}` }),
    halve(p, 7, 'right2'),
    `reduction_add_2_${id}`,
  );
  const x3 = layers.add(
    layers.avgPool(padded, { ...window, name: `reduction_left3_${id}` }),
    halve(p, 5, 'right3'),
    `reduction_add3_${id}`,
  );
  const smoothed = layers.avgPool(x1, {
    window: [3, 3],
    strides: [1, 1],
    padding: 'same',
    name: `reduction_left4_${id}`,
  });
  const x4 = layers.add(x2, smoothed);
  const x5 = layers.add(
    separable(x1, layers, { filters, size: 3, id: `reduction_left4_${id}` }),
    layers.maxPool(padded, { ...window, name: `reduction_right5_${id}` }),
    `reduction_add4_${id}`,
  );
  return { current: layers.concat([x2, x3, x4, x5], `reduction_concat_${id}`), before: cells.current };
}

export const NASNET: readonly BackboneDefinition[] = [
  nasnet({
    name: 'nasnet_mobile',
    kerasName: 'NASNetMobile',
    size: 224,
    penultimateFilters: 1056,
    cells: 4,
    stemFilters: 32,
    skipReduction: false,
    imagenet: {
      file: 'nasnet_mobile_no_top.h5',
      address: `${KERAS_FILES}/nasnet/NASNet-mobile-no-top.h5`,
      hash: '1ed92395b5b598bdda52abe5c0dbfd63',
    },
  }),
  nasnet({
    name: 'nasnet_large',
    kerasName: 'NASNetLarge',
    size: 331,
    penultimateFilters: 4032,
    cells: 6,
    stemFilters: 96,
    skipReduction: true,
    imagenet: {
      file: 'nasnet_large_no_top.h5',
      address: `${KERAS_FILES}/nasnet/NASNet-large-no-top.h5`,
      hash: 'd81d89dc07e6e56530c4e77faddd61b5',
    },
  }),
];
