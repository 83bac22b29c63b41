/** A hundred damaged ONNX files of each kind, opened and run by the built reader in a process of its own. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { newFolder } from '../../../support/folders.ts';
import { fuzzModelFile } from '../../../support/fuzz/model-files.ts';
import { expectRefusals, type Outcome } from '../../../support/fuzz/outcomes.ts';

const COUNT = 100;
const PROGRAM = fileURLToPath(new URL('../../../support/fuzz/open-models.js', import.meta.url));
const golden = (name: string): string => fileURLToPath(new URL(`golden/${name}`, import.meta.url));

const folder = newFolder();

it.each(['small_transformer', 'outside', 'colours_last'])('damaged copies of %s', (model) => {
  const files = join(folder, model);
  mkdirSync(files);
  if (model === 'outside') cpSync(golden('outside.onnx.data'), join(files, 'outside.onnx.data'));
  const bytes = readFileSync(golden(`${model}.onnx`));
  writeFileSync(join(files, 'whole.onnx'), bytes);
  for (let index = 0; index < COUNT; index++)
    writeFileSync(join(files, `damaged${index}.onnx`), fuzzModelFile(bytes, index));
  const options = { encoding: 'utf8', timeout: 120_000, input: '[]' } as const;
  const { stdout, status } = spawnSync(process.execPath, [PROGRAM, files], options);
  const lines = stdout.trim().split('\n');
  expect(status, `ended at ${lines.at(-1)}`).toBe(0);
  const outcomes: Outcome[] = lines.map((line) => JSON.parse(line)).filter(({ ms }) => ms !== undefined);
  expect(outcomes.length).toBe(COUNT + 1);
  expectRefusals(outcomes, 'whole.onnx', 0.7);
});
