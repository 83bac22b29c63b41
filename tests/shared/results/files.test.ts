/** The files a sweep leaves behind: leaderboard.csv, history.arrow, predictions.csv. */
import { Readable } from 'node:stream';
import { tableFromIPC } from 'apache-arrow';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvLine } from '../../../src/shared/csv-line.ts';
import { readManifest } from '../../../src/shared/manifest/read.ts';
import { silent } from '../../../src/shared/reporter.ts';
import { historyArrow } from '../../../src/shared/results/history.ts';
import { leaderboardCsv } from '../../../src/shared/results/leaderboard.ts';
import { predictionLines } from '../../../src/shared/results/predictions.ts';
import { rankResults } from '../../../src/shared/training/result.ts';
import { NAMES } from '../../support/class-names.ts';
import { headResult } from '../../support/head-results.ts';

const records = (text: string): Record<string, string>[] => parse(text, { columns: true });

describe('csvLine', () => {
  it('is read back by a CSV parser, whatever the text', () => {
    const unit = fc.constantFrom(...'a",\n\r\t\'=+-@|é葉🐸 ');
    const text = fc.string({ unit, minLength: 1 });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (cells) => {
        expect(parse(csvLine(cells), { record_delimiter: '\n' })).toEqual([cells]);
      }),
    );
    expect(parse(csvLine(['a,b', 'say "x"', 'two\nlines\r\n']), { record_delimiter: '\n' })).toEqual([
      ['a,b', 'say "x"', 'two\nlines\r\n'],
    ]);
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])(
    'keeps %j as it is, and from being run as a formula where that is asked for',
    (text) => {
      const read = (line: string) => parse(line, { record_delimiter: '\n' });
      expect(read(csvLine([text]))).toEqual([[text]]);
      expect(read(csvLine([text], { spreadsheetSafe: true }))).toEqual([[`'${text}`]]);
    },
  );

  it('quotes a lone carriage return', () => {
    expect(csvLine(['a\rb'])).toBe('"a\rb"\n');
  });

  it('writes numbers plainly and undefined ones as empty cells', () => {
    expect(csvLine([-0.5, 1e-7, Math.fround(0.1), Number.NaN, null, undefined, 3])).toBe(
      '-0.5,1e-7,0.1,,,,3\n',
    );
  });
});

describe('rankResults', () => {
  it('puts the best first, ties by loss and by id, diverged heads last', () => {
    const results = [
      headResult('h10', 0.8),
      headResult('h9', 0.8),
      headResult('low loss', 0.8, { val: { loss: 0.1, accuracy: 0.8 } }),
      headResult('wild', 0.99, { status: 'diverged' }),
      headResult('best', 0.9),
      headResult('undefined', 0, { val: { loss: 0.1, accuracy: null } }),
    ];
    expect(rankResults(results, 'accuracy').map(({ id }) => id)).toEqual([
      'best',
      'low loss',
      'h9',
      'h10',
      'undefined',
      'wild',
    ]);
  });
});

describe('leaderboardCsv', () => {
  it('has a line for each head, the best first, options as a grid writes them', () => {
    const text = leaderboardCsv(
      [
        headResult('h1', 0.5),
        headResult('h2', 0.7, {}, { hidden: [64, 32], order: ['dense', 'activation', 'bn', 'dropout'] }),
        headResult('h3', 0, { status: 'diverged', val: { loss: Number.NaN }, test: null }),
      ],
      'accuracy',
    );
    expect(text.split('\n')[0]).toBe(
      'rank,id,status,hidden,activation,dropout,batchNorm,order,bias,normalize,se,output,loss,optimizer,lr,' +
        'momentum,nesterov,l2,l1,maxNorm,schedule,warmup,epochs,batchSize,earlyStopping,monitor,classWeight,labelSmoothing,seed,' +
        'val_loss,val_accuracy,test_loss,test_accuracy,epochs_run,best_epoch,seconds',
    );
    const [best, second, last] = records(text);
    expect(best).toMatchObject({
      rank: '1',
      id: 'h2',
      hidden: '64x32',
      order: 'dense+activation+bn+dropout',
      epochs: '100',
      val_accuracy: '0.7',
      test_accuracy: '0.35',
      epochs_run: '2',
      best_epoch: '2',
      seconds: '0.25',
    });
    expect(second).toMatchObject({ rank: '2', id: 'h1', hidden: 'none' });
    expect(last).toMatchObject({ rank: '3', status: 'diverged', val_loss: '', test_loss: '' });
  });
});

describe('historyArrow', () => {
  it('has a row for each epoch of each head', () => {
    const wild = headResult('h2', 0, {
      status: 'diverged',
      history: [{ epoch: 1, lr: 9, trainLoss: Number.NaN, val: { loss: null, accuracy: 0.1, mAP: 0.2 } }],
    });
    const table = tableFromIPC(historyArrow([headResult('h1', 0.8), wild]));
    expect(table.schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'head Utf8',
      'epoch Int32',
      'lr Float64',
      'trainLoss Float64',
      'valLoss Float64',
      'valAccuracy Float64',
      'valMAP Float64',
    ]);
    expect(table.toArray().map((row) => Object.values(row.toJSON()))).toEqual([
      ['h1', 1, 0.001, 1.5, 1, 0.2, null],
      ['h1', 2, 0.001, 1.25, 0.5, 0.8, null],
      ['h2', 1, 9, Number.NaN, null, 0.1, 0.2],
    ]);
  });

  it('has its columns also without rows', () => {
    const table = tableFromIPC(historyArrow([]));
    expect(table.numRows).toBe(0);
    expect(table.schema.fields.map(({ name }) => name)).toEqual(['head', 'epoch', 'lr', 'trainLoss']);
  });
});

describe('predictionLines', () => {
  it('writes the predictions and probabilities of multi-label rows', () => {
    const lines = [
      ...predictionLines({
        paths: ['a.jpg', '=b,c.jpg', 'a.jpg'],
        split: ['test', null, 'train'],
        labels: [['x', '<script>'], [], []],
        // What is no image itself is left out.
        views: Int16Array.of(0, 0, 1),
        classes: ['<script>', 'x\ny'],
        probabilities: Float32Array.of(0.75, 0.6, 0.5, 0.25, 0, 0),
        rows: 3,
        task: 'multilabel',
      }),
    ];
    expect(lines).toHaveLength(3);
    expect(records(lines.join(''))).toEqual([
      {
        path: 'a.jpg',
        split: 'test',
        labels: 'x|<script>',
        predicted: '<script>|x\ny',
        'p_<script>': '0.75',
        'p_x\ny': '0.6',
      },
      {
        path: '=b,c.jpg',
        split: '',
        labels: '',
        predicted: '',
        'p_<script>': '0.5',
        'p_x\ny': '0.25',
      },
    ]);
  });

  it('predicts multiclass rows with the most probable class', () => {
    const lines = predictionLines({
      paths: ['a.jpg'],
      split: ['val'],
      labels: [['b']],
      views: Int16Array.of(0),
      classes: ['a', 'b', 'c'],
      probabilities: Float32Array.of(0.3, 0.3, 0.4),
      rows: 1,
      task: 'multiclass',
    });
    expect([...lines][1]).toBe('a.jpg,val,b,c,0.3,0.3,0.4\n');
  });

  it.each([true, false])('escapes formulas only where spreadsheetSafe is %s', (spreadsheetSafe) => {
    const rows = { paths: ['=a.jpg'], split: ['val' as const], labels: [['@b']], views: Int16Array.of(0) };
    const predictions = { classes: ['@b', '-c'], probabilities: Float32Array.of(1, 0), rows: 1 };
    const lines = predictionLines({ ...rows, ...predictions, task: 'multiclass' }, { spreadsheetSafe });
    const quote = spreadsheetSafe ? "'" : '';
    expect([...lines][1]).toBe(`${quote}=a.jpg,val,${quote}@b,${quote}@b,1,0\n`);
    const best = leaderboardCsv([headResult('=h', 0.5)], 'accuracy', { spreadsheetSafe });
    expect(records(best)[0].id).toBe(`${quote}=h`);
  });

  it('writes cells of labels that a manifest gives back', async () => {
    const several = [['a|b', '[1, 2]'], ["('x',)"], ['a', 'b'], ['|'], [], ['say "x"', 'y,z'], ['{3}']];
    const labels = [...NAMES.map((name) => [name]), ...several];
    const lines = predictionLines({
      paths: labels.map((_, row) => `${row}.jpg`),
      split: labels.map(() => 'train' as const),
      labels,
      views: new Int16Array(labels.length),
      classes: ['x'],
      probabilities: new Float32Array(labels.length),
      rows: labels.length,
      task: 'multilabel',
    });
    const read = [];
    const columns = { label: 'labels' };
    for await (const row of readManifest('predictions.csv', Readable.from(lines), { columns }, silent))
      read.push(row.labels);
    expect(read).toEqual(labels);
  });
});
