/** MobileNet (Howard et al. 2017), as in keras/src/applications/mobilenet.py. */
import { type BackboneDefinition, KERAS_FILES, publishedSize } from '../backbone.ts';

/** Widths with published weights; how Keras writes them in file names. */
const ALPHAS = [
  [1, '1_0'],
  [0.75, '7_5'],
  [0.5, '5_0'],
  [0.25, '2_5'],
] as const;
/** Sizes of square images with weights of their own. */
const SIZES = [128, 160, 192, 224];

/** Filters and stride of each depthwise block. */
const BLOCKS: readonly (readonly [number, number])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
];

function mobilenet(alpha: number, alphaText: string): BackboneDefinition {
  const suffix = alpha === 1 ? '' : `_${alpha}`;
  return {
    name: `mobilenet${suffix}`,
    kerasName: `MobileNet${suffix}`,
    size: 224,
    minimumSize: 32,
    preprocessing: 'tf',
    // The ends of the stages, before the blocks that halve the image.
    depths: BLOCKS.flatMap(([, stride], at) => (stride === 2 && at > 1 ? [`conv_pw_${at}_relu`] : [])),
    imagenet(size) {
      const file = `mobilenet_${alphaText}_${publishedSize(size, SIZES)}_tf_no_top.h5`;
      return { file, address: `${KERAS_FILES}/mobilenet/${file}` };
    },
    build(image, layers) {
      const narrowed = (filters: number): number => Math.trunc(filters * alpha);
      let x = layers.conv(image, {
        filters: narrowed(32),
        kernel: [3, 3],
        strides: [2, 2],
        padding: 'same',
        bias: false,
        name: 'conv1',
      });
      x = layers.activation(layers.batchNorm(x, { name: 'conv1_bn' }), 'relu6', 'conv1_relu');
      for (const [index, [filters, stride]] of BLOCKS.entries()) {
        const name = (part: string) => `conv_${part}_${index + 1}`;
        if (stride === 2) x = layers.zeroPadding(x, [0, 1, 0, 1], name('pad'));
        const padding = stride === 1 ? 'same' : 'valid';
        x = layers.depthwiseConv(x, {
          kernel: [3, 3],
          strides: [stride, stride],
          padding,
          name: name('dw'),
        });
        x = layers.batchNorm(x, { name: `${name('dw')}_bn` });
        x = layers.activation(x, 'relu6', `${name('dw')}_relu`);
        x = layers.conv(x, { filters: narrowed(filters), kernel: [1, 1], bias: false, name: name('pw') });
        x = layers.batchNorm(x, { name: `${name('pw')}_bn` });
        x = layers.activation(x, 'relu6', `${name('pw')}_relu`);
      }
      return x;
    },
  };
}

export const MOBILENET: readonly BackboneDefinition[] = ALPHAS.map(([alpha, text]) => mobilenet(alpha, text));
