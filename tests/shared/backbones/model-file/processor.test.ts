import { describe, expect, it } from 'vitest';
import { patchTokens } from '../../../../src/shared/backbones/model-file/outputs.ts';
import { formatPixels, parsePixels } from '../../../../src/shared/backbones/model-file/pixels.ts';
import { parseProcessor } from '../../../../src/shared/backbones/model-file/processor.ts';

const parse = (fields: object) => parseProcessor(JSON.stringify(fields), 'preprocessor_config.json');

const half = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
const usual = { do_resize: true, do_rescale: true, rescale_factor: 0.00392156862745098, do_normalize: true };

describe('preprocessor_config.json', () => {
  it.each<[string, object, object]>([
    [
      'of DINOv2',
      {
        ...usual,
        ...half,
        size: { shortest_edge: 256 },
        do_center_crop: true,
        crop_size: { height: 224, width: 224 },
        resample: 3,
      },
      { size: { width: 224, height: 224 }, resize: { fit: 'crop', edge: 256, interpolation: 'bicubic' } },
    ],
    [
      'of SigLIP',
      { ...usual, ...half, size: { height: 224, width: 224 }, resample: 3 },
      { size: { width: 224, height: 224 }, resize: { fit: 'stretch', interpolation: 'bicubic' } },
    ],
    [
      'of the first CLIP, with numbers for sizes',
      {
        do_resize: true,
        size: 224,
        do_center_crop: true,
        crop_size: 224,
        do_normalize: true,
        resample: 3,
        ...half,
      },
      { size: { width: 224, height: 224 }, resize: { fit: 'crop', edge: 224, interpolation: 'bicubic' } },
    ],
    [
      'of ConvNeXt, which crops a share',
      { ...usual, ...half, size: { shortest_edge: 224 }, crop_pct: 0.875, resample: 3 },
      { size: { width: 224, height: 224 }, resize: { fit: 'crop', edge: 256, interpolation: 'bicubic' } },
    ],
    [
      'of timm',
      {
        pretrained_cfg: {
          input_size: [3, 288, 256],
          interpolation: 'bicubic',
          crop_pct: 0.95,
          mean: [0.5, 0.5, 0.5],
          std: [0.5, 0.5, 0.5],
        },
      },
      { size: { width: 256, height: 288 }, resize: { fit: 'crop', edge: 269, interpolation: 'bicubic' } },
    ],
  ])('%s', (_, fields, expected) => {
    const { scaling, ...placed } = parse(fields);
    expect(placed).toEqual(expected);
    expect(formatPixels(scaling!)).toBe('half');
  });

  it('without rescaling or with another factor comes to the same formula', () => {
    expect(
      parse({
        ...usual,
        do_rescale: false,
        image_mean: [127.5, 127.5, 127.5],
        image_std: [127.5, 127.5, 127.5],
      }).scaling,
    ).toEqual(parsePixels('half'));
    expect(
      parse({ ...usual, rescale_factor: 1 / 127.5, image_mean: [1, 1, 1], image_std: [1, 1, 1] }).scaling,
    ).toEqual(parsePixels('half'));
    expect(formatPixels(parse({ ...usual, do_rescale: false, do_normalize: false }).scaling!)).toBe('none');
  });

  it.each<[string, object]>([
    ['size.width', { ...usual, ...half, size: { height: 224 } }],
    ['resample', { ...usual, ...half, size: 224, resample: 9 }],
    ['crop_size', { ...usual, ...half, size: { shortest_edge: 100 }, do_center_crop: true, crop_size: 224 }],
    ['image_std', { ...usual, ...half, size: 224, image_std: [0, 1, 1] }],
    ['image_mean', { ...usual, ...half, size: 224, image_mean: [0.5] }],
    ['rescale_factor', { ...usual, ...half, size: 224, rescale_factor: -1 }],
    ['pretrained_cfg.input_size', { pretrained_cfg: { input_size: [1, 224, 224] } }],
  ])('is refused by its field %s', (field, fields) => {
    expect(() => parse(fields)).toThrow(
      new RegExp(`for ${field}.* of preprocessor_config.json`.replace('size.width', 'size')),
    );
  });
});

describe('--preprocess', () => {
  it.each([
    ['imagenet', 'imagenet'],
    ['0.5,0.5', 'half'],
    ['0,1', '0,0,0,1,1,1'],
    ['0.1,0.2,0.3,0.4,0.5,0.6', '0.1,0.2,0.3,0.4,0.5,0.6'],
  ])('%s', (text, written) => {
    expect(formatPixels(parsePixels(text))).toBe(written);
    expect(parsePixels(written)).toEqual(parsePixels(text));
  });

  it.each(['', 'torch', '0.5', '0,0', '1,2,3', '0,,0,1,1,1'])('%j is refused', (text) => {
    expect(() => parsePixels(text)).toThrow(
      /^Expected imagenet, half, none, or MEAN,STD .* for --preprocess but received/,
    );
  });
});

describe('tokens', () => {
  it.each([
    [257, 224, 224, 256], // DINOv2, patches of 14
    [261, 224, 224, 256], // with registers
    [50, 224, 224, 49], // CLIP, patches of 32
    [196, 224, 224, 196], // SigLIP has no class token
    [1370, 518, 518, 1369],
    [1201, 640, 480, 1200],
  ])('%i of a %i x %i image have %i patches', (count, width, height, patches) => {
    expect(patchTokens(count, { width, height })).toBe(patches);
  });
});
