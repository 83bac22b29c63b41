/** What docs/options.md is made from, and the defaults that docstrings name. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { optionsPage } from '../../scripts/options-page.ts';
import { BACKBONE_OPTIONS, DATASET_OPTIONS, EXTRACT_OPTIONS } from '../../src/extract/options.ts';
import { PREDICTOR_OPTIONS } from '../../src/predict/options.ts';
import { shownDefault } from '../../src/shared/cli/flags.ts';
import type { OptionTable } from '../../src/shared/options.ts';
import { TRAIN_OPTIONS } from '../../src/train/options/train-options.ts';

it('docs/options.md is made from the tables of options (npm run docs)', async () => {
  const { present, wanted } = await optionsPage();
  expect(wanted).toContain('| `--dropout` | `head.dropout` | a number from 0 to below 1 | `0` |');
  expect(present).toBe(wanted);
});

describe.each<[string, string, OptionTable]>([
  ['ExtractOptions', 'src/extract/options.ts', { ...BACKBONE_OPTIONS, ...EXTRACT_OPTIONS }],
  ['DatasetOptions', 'src/extract/dataset/dataset.ts', DATASET_OPTIONS],
  ['PredictorOptions', 'src/predict/library.ts', PREDICTOR_OPTIONS],
  ['TrainOptions', 'src/train/options/train-options.ts', TRAIN_OPTIONS],
  ['TrainHeadsOptions', 'src/train/options/train-options.ts', TRAIN_OPTIONS],
])('the docstrings of %s', (name, file, options) => {
  it('name the defaults that are used', () => {
    const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    const [, body] = new RegExp(`interface ${name}\\b[^{]*\\{\\n(.*?)\\n\\}`, 's').exec(source) ?? [];
    const named = body.matchAll(/default: ([^*;]+?)\.?(?: \*\/|;[^*]*\*\/)\n +(\w+)\??:/gi);
    for (const [, text, field] of named) {
      const option = options[field];
      if (option?.default === undefined || option.field === false) continue;
      expect(`${field}: ${text.replaceAll('`', '')}`).toBe(`${field}: ${shownDefault(option)}`);
    }
  });
});
