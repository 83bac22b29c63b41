/** Grids: inline, from files, expanded. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { expandGrid, parseGrid } from '../../../src/train/search/grid.ts';
import { newFolder } from '../../support/folders.ts';

let folder: string;
beforeAll(() => {
  folder = newFolder();
});

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe('parseGrid', () => {
  it('reads lists written inline', async () => {
    const spec =
      'lr=1e-2, 1e-3; hidden=none,256x64;batch-norm=true;batchSize=8;order=dense+bn+dropout+activation';
    expect(await parseGrid(spec)).toEqual([
      {
        lr: [0.01, 0.001],
        hidden: [[], [256, 64]],
        batchNorm: [true],
        batchSize: [8],
        order: [['dense', 'bn', 'dropout', 'activation']],
      },
    ]);
  });

  it('reads a YAML object of lists, and a list of them', async () => {
    const text = 'lr: [1e-2, 0.001]\nhidden: [none, 64, [64, 32]]\nbatch-norm: true\n';
    const block = { lr: [0.01, 0.001], hidden: [[], [64], [64, 32]], batchNorm: [true] };
    expect(await parseGrid(file('one.yaml', text))).toEqual([block]);
    const two = file('two.yml', '- lr: 1\n- order: [[dense, bn, activation, dropout]]\n');
    expect(await parseGrid(two)).toEqual([
      { lr: [1] },
      { order: [['dense', 'bn', 'activation', 'dropout']] },
    ]);
  });

  it('reads JSON', async () => {
    expect(await parseGrid(file('grid.json', '{"dropout": [0, 0.5]}'))).toEqual([{ dropout: [0, 0.5] }]);
  });

  it.each([
    [
      'nothing',
      'Expected values like "lr=1e-2,1e-3;hidden=none,256" or a .yaml or .json file for --grid but received "nothing"',
    ],
    ['', 'for --grid but received ""'],
    ['lr=1=2', 'for --grid but received "lr=1=2"'],
    ['lr=', 'Expected a number above 0 for lr in --grid but received ""'],
    ['lr=1;lr=2', 'Expected each option once for --grid but received "lr"'],
    [
      'droput=0.5',
      'Expected the name of a head option for --grid but received "droput" (did you mean dropout?)',
    ],
    ['optimizer=adan', '(did you mean adam or adamw'],
    ['/no/such/grid.yaml', 'Cannot read /no/such/grid.yaml (--grid): no such file or folder (ENOENT)'],
  ])('refuses %j', async (spec, message) => {
    const failure = await parseGrid(spec).catch((thrown: Error) => thrown.message);
    expect(failure).toContain(message);
  });

  it.each([
    ['lr: [1', 'Expected YAML or JSON for'],
    ['just text', 'Expected an object of lists for'],
    ['[]', 'Expected at least one object of lists'],
    ['{}', 'Expected at least one option'],
    ['lr: []', 'Expected at least one value for lr in'],
    ['lr: null', 'Expected text, a number, true or false for lr in'],
    ['hidden: [[64, true]]', 'Expected text, a number, true or false for hidden in'],
    ['lr: {a: 1}', 'Expected text, a number, true or false for lr in'],
    [`# ${'x'.repeat(1 << 20)}`, 'Expected at most 1048576 bytes for'],
  ])('refuses a file of %j', async (text, message) => {
    await expect(parseGrid(file('bad.yaml', text))).rejects.toThrow(message);
  });
});

describe('expandGrid', () => {
  it('combines each value with each, the last option changing fastest', async () => {
    const heads = expandGrid({ epochs: 7 }, await parseGrid('lr=1,2;hidden=none,4'), 'multiclass');
    expect(heads.map(({ lr, hidden, epochs }) => [lr, hidden, epochs])).toEqual([
      [1, [], 7],
      [1, [4], 7],
      [2, [], 7],
      [2, [4], 7],
    ]);
  });

  it('unites blocks and trains equal heads once', () => {
    const heads = expandGrid({}, [{ lr: [1, 2, 1] }, { lr: [2, 3] }], 'multilabel');
    expect(heads.map(({ lr }) => lr)).toEqual([1, 2, 3]);
  });

  it('ignores options where they mean nothing', async () => {
    const momentum = await parseGrid('optimizer=adam,sgd;momentum=0,0.9');
    expect(expandGrid({}, momentum, 'multiclass').map((head) => [head.optimizer, head.momentum])).toEqual([
      ['adam', 0],
      ['sgd', 0],
      ['sgd', 0.9],
    ]);
    const hidden = await parseGrid('hidden=none,8;batch-norm=true,false');
    expect(expandGrid({ bias: false }, hidden, 'multiclass')).toHaveLength(3);
  });

  it('names the combination that cannot work', async () => {
    const grid = await parseGrid('output=softmax,sigmoid;loss=binary_crossentropy');
    expect(() => expandGrid({}, grid, 'multiclass')).toThrow(
      'for --loss but received "binary_crossentropy" (in the grid\'s output=softmax loss=binary_crossentropy)',
    );
  });

  it('refuses more heads than anyone means before making them', () => {
    const many = Array.from({ length: 1000 }, (_, index) => index + 1);
    expect(() => expandGrid({}, [{ lr: many, epochs: many }], 'multiclass')).toThrow(
      'Expected at most 100000 heads for --grid but received 1000000',
    );
  });
});
