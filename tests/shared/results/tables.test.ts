/** Terminal tables: what they show, how they fit, and that no text can break them. */
import { describe, expect, it } from 'vitest';
import type { ClassReport } from '../../../src/shared/metrics/per-class.ts';
import { printable } from '../../../src/shared/results/drawing.ts';
import {
  confusionTable,
  leaderboardTable,
  metricsTable,
  perClassTable,
} from '../../../src/shared/results/tables.ts';
import { headResult } from '../../support/head-results.ts';

const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));
/** The cells of each line of a table. */
const cells = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('│'))
    .map((line) =>
      line
        .split('│')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

describe('leaderboardTable', () => {
  const results = [
    headResult('h1', 0.5, {}, { lr: 0.01 }),
    headResult('h2', 0.75, {}, { lr: 0.1 }),
    headResult('h3', 0, { status: 'diverged' }, { lr: 100 }),
  ];

  it('shows the best heads and only the options in which heads differ', () => {
    const text = leaderboardTable(results, { metric: 'accuracy', top: 2, width: 100 });
    expect(cells(text)).toEqual([
      ['#', 'head', 'val accuracy', 'test accuracy', 'lr', 'val loss', 'epoch'],
      ['1', 'h2', '0.7500', '0.3750', '0.1', '0.5000', '2'],
      ['2', 'h1', '0.5000', '0.2500', '0.01', '0.5000', '2'],
    ]);
    expect(text.split('\n').at(-1)).toBe('the best 2 of 3 heads; 1 diverged');
  });

  it('says diverged in place of a score', () => {
    expect(cells(leaderboardTable(results, { metric: 'accuracy', width: 100 })).at(-1)).toContain('diverged');
  });

  it('leaves out columns that do not fit and names them', () => {
    const text = leaderboardTable(results, { metric: 'accuracy', width: 52 });
    expect(text).toContain('not shown: val loss, epoch');
    expect(text.indexOf('\n')).toBeLessThanOrEqual(52);
    expect(cells(text)[0]).toEqual(['#', 'head', 'val accuracy', 'test accuracy', 'lr']);
  });

  it('can be drawn before the first head is finished', () => {
    expect(cells(leaderboardTable([], { metric: 'loss', width: 80 }))[0]).toEqual([
      '#',
      'head',
      'val loss',
      'epoch',
    ]);
  });
});

describe('metricsTable', () => {
  it('sets the baseline beside the result', () => {
    const text = metricsTable(
      {
        'best head': { loss: 0.25, accuracy: 0.9 },
        'majority baseline': { loss: 1.5, accuracy: 0.25, auc: null },
      },
      80,
    );
    expect(cells(text)).toEqual([
      ['metric', 'best head', 'majority baseline'],
      ['loss', '0.2500', '1.5000'],
      ['accuracy', '0.9000', '0.2500'],
      ['auc', '-', '-'],
    ]);
  });
});

describe('perClassTable', () => {
  const report = (name: string, f1: number): ClassReport => ({
    name,
    precision: null,
    recall: 0.5,
    f1,
    support: 7,
    averagePrecision: 0.25,
    auc: 1,
  });

  it('shows every class of a few', () => {
    expect(cells(perClassTable([report('a\nb', 0.5)], 100))).toEqual([
      ['class', 'images', 'precision', 'recall', 'F1', 'AP', 'AUC'],
      ['a\\nb', '7', '-', '0.5000', '0.5000', '0.2500', '1.0000'],
    ]);
  });

  it('shows the worst of many', () => {
    const reports = Array.from({ length: 100 }, (_, label) => report(`class ${label}`, 1 - label / 100));
    const text = perClassTable(reports, 100);
    expect(cells(text)).toHaveLength(31);
    expect(cells(text)[1][0]).toBe('class 99');
    expect(text).toContain('the 30 of 100 classes with the lowest F1');
  });
});

describe('confusionTable', () => {
  it('shows the matrix of a few classes', () => {
    const confusion = {
      task: 'multiclass' as const,
      counts: [
        [5, 1],
        [2, 4],
      ],
    };
    expect(cells(confusionTable(['a', 'b'], confusion, 80))).toEqual([
      ['true \\ predicted', 'a', 'b'],
      ['a', '5', '1'],
      ['b', '2', '4'],
    ]);
  });

  it('lists the most frequent confusions where the matrix does not fit', () => {
    const names = Array.from({ length: 20 }, (_, label) => `a long class name ${label}`);
    const counts = names.map((_, actual) =>
      names.map((__, predicted): number => (predicted === actual ? 9 : 0)),
    );
    counts[3][4] = 2;
    counts[5][6] = 8;
    const text = confusionTable(names, { task: 'multiclass', counts }, 80);
    expect(cells(text)).toEqual([
      ['true class', 'predicted', 'images'],
      ['a long class name 5', 'a long class name 6', '8'],
      ['a long class name 3', 'a long class name 4', '2'],
    ]);
    expect(text).toContain('the 2 most frequent of 2 confusions; a matrix of 20 classes does not fit');
    expect(text.indexOf('\n')).toBeLessThanOrEqual(80);
  });

  it('shows right and wrong predictions of each label', () => {
    const text = confusionTable(
      ['rust'],
      {
        task: 'multilabel',
        counts: [
          [
            [1, 2],
            [3, 4],
          ],
        ],
      },
      80,
    );
    expect(cells(text)).toEqual([
      ['label', 'true positives', 'false negatives', 'false positives', 'true negatives'],
      ['rust', '4', '3', '2', '1'],
    ]);
  });
});

describe('printable', () => {
  it('shows control characters instead of sending them to the terminal', () => {
    expect(printable('\u001b[31mred\n\u202e')).toBe('\\u{1b}[31mred\\n\\u{202e}');
  });

  it('cuts long text', () => {
    expect(printable('x'.repeat(100), 5)).toBe('xxxx…');
  });

  it('keeps tables in line for wide characters', () => {
    const text = confusionTable(
      ['葉', 'b'],
      {
        task: 'multiclass',
        counts: [
          [5, 1],
          [2, 4],
        ],
      },
      80,
    );
    expect(widest(text)).toBe(text.indexOf('\n'));
  });
});
