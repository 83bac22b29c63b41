/** Layers in front of a network by their classes: what each does to the colours of a pixel. */
import type { Fields } from '../../fields.ts';
import { isTensor, type KerasCall } from '../../weights/keras-config.ts';
import { type Affine, IDENTITY, type Triple } from '../preprocessing.ts';
import { asTriple, type Front, lambdaFront, normalizing, withAffine } from './front.ts';

/** One call of a layer on pixels that no layer of a network has seen. */
export interface FrontCall {
  readonly front: Front;
  readonly settings: Fields;
  readonly call: KerasCall;
  /** The layer's name and those of the models around it. */
  readonly path: readonly string[];
  readonly kind: string;
}

/** The front with the layer; undefined if the layer is none that pixels are prepared with. */
type FrontRule = (call: FrontCall) => Front | undefined;

const unchanged: FrontRule = ({ front }) => front;

/** Augmentation, and what else does nothing when a network is used. */
const AT_TRAINING_ONLY = [
  'RandomFlip',
  'RandomRotation',
  'RandomZoom',
  'RandomTranslation',
  'RandomContrast',
  'RandomBrightness',
  'RandomShear',
  'RandomPerspective',
  'RandomErasing',
  'RandomColorJitter',
  'RandomColorDegeneration',
  'RandomGrayscale',
  'RandomHue',
  'RandomSaturation',
  'RandomSharpness',
  'RandomPosterization',
  'RandomInvert',
  'RandomGaussianBlur',
  'RandomElasticTransform',
  'MixUp',
  'CutMix',
  'RandAugment',
  'AugMix',
  'Dropout',
  'SpatialDropout2D',
  'GaussianNoise',
  'Identity',
  'InputLayer',
  'Cast',
];

const RGB: Triple = IDENTITY.order;
const negative = ([a, b, c]: Triple): Triple => [-a, -b, -c];
const inverse = ([a, b, c]: Triple): Triple => [1 / a, 1 / b, 1 / c];
const shiftedBy = (shift: Triple): Affine => ({ ...IDENTITY, shift });
const scaledBy = (scale: Triple): Affine => ({ ...IDENTITY, scale });
const flipped = (shift: Triple): Affine => ({ order: RGB, scale: [-1, -1, -1], shift });

/** An operation with a number; `whenFirst` where the number comes before the pixels. */
function arithmetic(
  whenSecond: (number: Triple) => Affine,
  whenFirst: (number: Triple) => Affine | undefined = () => undefined,
): FrontRule {
  return ({ front, call }) => {
    const given = [...call.args, ...Object.values(call.named)].filter((value) => !isTensor(value));
    const numbers = given.flatMap((value) => asTriple(value) ?? []);
    if (call.tensors.length !== 1 || numbers.length !== 3) return undefined;
    const number: Triple = [numbers[0], numbers[1], numbers[2]];
    const affine = isTensor(call.args[0]) ? whenSecond(number) : whenFirst(number);
    return affine && withAffine(front, affine);
  };
}

const adding = arithmetic(shiftedBy, shiftedBy);
const subtracting = arithmetic((number) => shiftedBy(negative(number)), flipped);
const multiplying = arithmetic(scaledBy, scaledBy);
const dividing = arithmetic((number) => scaledBy(inverse(number)));

export const FRONT_TABLE: ReadonlyMap<string, FrontRule> = new Map<string, FrontRule>([
  ...AT_TRAINING_ONLY.map((kind) => [kind, unchanged] as const),
  ['Activation', ({ front, settings }) => (settings.activation === 'linear' ? front : undefined)],
  ['Rescaling', rescaling],
  ['Normalization', normalization],
  ['Resizing', resizing],
  ['CenterCrop', resizing],
  ['Lambda', ({ front, settings, path }) => lambdaFront(front, settings, path.join('/'))],
  ['Add', adding],
  ['Subtract', subtracting],
  ['Multiply', multiplying],
  ['TrueDivide', dividing],
  ['Divide', dividing],
  ['TFOpLambda', tensorflowOperation],
  ['SlicingOpLambda', tensorflowOperation],
]);

/** Single operations as Keras 2 saves them, by the functions of TensorFlow. */
const TENSORFLOW_OPERATIONS: ReadonlyMap<string, FrontRule> = new Map<string, FrontRule>([
  ['cast', unchanged],
  ['math.truediv', dividing],
  ['math.divide', dividing],
  ['math.multiply', multiplying],
  ['__operators__.add', adding],
  ['math.add', adding],
  ['math.subtract', subtracting],
  ['nn.bias_add', adding],
  ['__operators__.getitem', reversal],
]);

function tensorflowOperation(call: FrontCall): Front | undefined {
  return TENSORFLOW_OPERATIONS.get(String(call.settings.function))?.(call);
}

function rescaling({ front, settings }: FrontCall): Front | undefined {
  const scale = asTriple(settings.scale);
  const shift = asTriple(settings.offset ?? 0);
  return scale && shift && withAffine(front, { order: RGB, scale, shift });
}

function normalization({ front, settings, path }: FrontCall): Front | undefined {
  if (settings.invert) return undefined;
  if (settings.mean === null || settings.mean === undefined)
    return { ...front, steps: [...front.steps, { kind: 'normalization', path }] };
  const mean = asTriple(settings.mean);
  const variance = asTriple(settings.variance);
  return mean && variance && withAffine(front, normalizing(mean, variance));
}

function resizing({ front, settings, path }: FrontCall): Front | undefined {
  const { width, height } = settings;
  if (!Number.isSafeInteger(width) || !Number.isSafeInteger(height)) return undefined;
  return {
    ...front,
    resized: { layer: path.join('/'), size: { width: Number(width), height: Number(height) } },
  };
}

/** `x[..., ::-1]`: colours in the opposite order. */
function reversal({ front, call }: FrontCall): Front | undefined {
  const text = JSON.stringify(call.named.slice_spec ?? call.args.slice(1));
  const steps = [...text.matchAll(/"step":(-?\d+|null)/g)].map(([, step]) => step);
  const isReversal =
    steps.at(-1) === '-1' &&
    steps.slice(0, -1).every((step) => step === 'null') &&
    !/"(start|stop)":-?\d/.test(text);
  return isReversal ? withAffine(front, { ...IDENTITY, order: [2, 1, 0] }) : undefined;
}

/** Which colour `x[..., 2]` takes out. */
export function takenColour(call: KerasCall): number | undefined {
  const index = call.args[1];
  const last = Array.isArray(index) ? index.at(-1) : undefined;
  const isEllipsis =
    Array.isArray(index) && index.length === 2 && JSON.stringify(index[0]).includes('__ellipsis__');
  return isEllipsis && (last === 0 || last === 1 || last === 2) ? last : undefined;
}
