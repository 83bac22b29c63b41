/** 600 damaged config.json and preprocessor_config.json: an error names file and field, or what is read is as without the damage. */
import { expect, it } from 'vitest';
import { parseModelConfig } from '../../../../src/shared/backbones/model-file/config.ts';
import { parseProcessor } from '../../../../src/shared/backbones/model-file/processor.ts';
import { InputError } from '../../../../src/shared/errors.ts';
import { random } from '../../../../src/shared/random.ts';

const NORMALIZED = { do_normalize: true, image_mean: [0.5, 0.4, 0.3], image_std: [0.5, 0.6, 0.7] };
const RESCALED = { do_rescale: true, rescale_factor: 0.00392156862745098 };
const crop = { do_center_crop: true, crop_size: { height: 224, width: 224 } };
const TIMM = {
  input_size: [3, 224, 224],
  interpolation: 'bicubic',
  crop_pct: 0.875,
  crop_mode: 'center',
  mean: [0.5, 0.4, 0.3],
  std: [0.5, 0.6, 0.7],
};

const FILES: [string, object, (json: string, path: string) => unknown][] = [
  [
    'preprocessor_config.json',
    { do_resize: true, size: { shortest_edge: 256 }, ...crop, resample: 3, ...RESCALED, ...NORMALIZED },
    parseProcessor,
  ],
  [
    'preprocessor_config.json',
    { do_resize: true, size: { height: 224, width: 224 }, resample: 2, ...RESCALED, ...NORMALIZED },
    parseProcessor,
  ],
  [
    'preprocessor_config.json',
    { do_resize: true, size: { shortest_edge: 224 }, crop_pct: 0.875, resample: 3, ...NORMALIZED },
    parseProcessor,
  ],
  [
    'config.json',
    { architecture: 'mobilenetv4_conv_small', num_classes: 1000, pretrained_cfg: TIMM },
    parseProcessor,
  ],
  [
    'config.json',
    { model_type: 'dinov2_with_registers', patch_size: 14, num_register_tokens: 4, id2label: { 0: 'cat' } },
    parseModelConfig,
  ],
  [
    'config.json',
    { model_type: 'siglip', vision_config: { patch_size: 16, image_size: 224 } },
    parseModelConfig,
  ],
];

/** Values that no field takes. */
const WRONG: unknown[] = [
  'yes',
  -7,
  1e300,
  [],
  [1],
  ['a', 'b', 'c'],
  {},
  { height: -1, width: 3 },
  '',
  [null, 1, 2],
];

/** Every field at any depth, as the keys that lead to it. */
function fieldsOf(value: object, before: string[] = []): string[][] {
  return Object.entries(value).flatMap(([key, inside]) => {
    const path = [...before, key];
    const deeper = typeof inside === 'object' && !Array.isArray(inside) ? fieldsOf(inside, path) : [];
    return [path, ...deeper];
  });
}

function withValue(value: object, [key, ...rest]: string[], replacement: unknown): object {
  const inside = (value as Record<string, object>)[key];
  return { ...value, [key]: rest.length > 0 ? withValue(inside, rest, replacement) : replacement };
}

function fieldValue(value: object, path: readonly string[]): unknown {
  return path.reduce((inside, key) => (inside as unknown as Record<string, object>)[key], value);
}

/** Another name of a family and other labels are no damage that can be seen. */
function isSeen(before: unknown, after: unknown, parse: unknown): boolean {
  if (parse !== parseModelConfig || Array.isArray(after)) return true;
  return typeof before !== typeof after || after === '';
}

function outcome(parse: (json: string, path: string) => unknown, json: string, path: string): unknown {
  try {
    return parse(json, path);
  } catch (thrown) {
    return thrown;
  }
}

it.each(FILES)('%s %j', (file, whole, parse) => {
  const path = `/models/${file}`;
  const expected = parse(JSON.stringify(whole), path);
  const draw = random(11, 'damaged configurations', JSON.stringify(whole));
  const fields = fieldsOf(whole);
  let refused = 0;
  for (let index = 0; index < 100; ) {
    const field = fields[draw.integer(fields.length)];
    const wrong = WRONG[draw.integer(WRONG.length)];
    if (!isSeen(fieldValue(whole, field), wrong, parse)) continue;
    const json = JSON.stringify(withValue(whole, field, wrong));
    const isCut = index++ % 5 === 0;
    const damaged = isCut ? json.slice(0, 1 + draw.integer(json.length - 1)) : json;
    const found = outcome(parse, damaged, path);
    if (!(found instanceof Error)) {
      expect(found, damaged).toEqual(expected);
      continue;
    }
    refused++;
    expect(found, damaged).toBeInstanceOf(InputError);
    expect(found.message, damaged).toContain(path);
    if (!isCut)
      expect(
        field.some((key) => found.message.includes(key)),
        `${found.message} for ${damaged}`,
      ).toBe(true);
  }
  expect(refused).toBeGreaterThan(50);
});
