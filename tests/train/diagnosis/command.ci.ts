import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/shared/diagnosis/finding.ts';
import { random } from '../../../src/shared/random.ts';
import { permafrost } from '../../support/command.ts';
import { newFolder } from '../../support/folders.ts';
import { clusters, type SyntheticImage, syntheticStore } from '../../support/synthetic-store.ts';

/** Trains on made-up features and returns what metrics.json says is wrong, by id. */
async function diagnosed(
  images: readonly SyntheticImage[],
  args: string[],
  pipeline = {},
): Promise<{ findings: Map<string, Finding>; stderr: string }> {
  const store = await syntheticStore(images, { weights: 'imagenet', ...pipeline });
  const out = join(newFolder(), 'run');
  const { status, stderr } = await permafrost([
    'train-head',
    '--features',
    store,
    '--out',
    out,
    '--no-report',
    '--seed',
    '1',
    ...args,
  ]);
  expect(stderr).not.toContain('Error');
  expect(status).toBe(0);
  expect(existsSync(join(out, 'report.html'))).toBe(false);
  const { diagnosis } = JSON.parse(await readFile(join(out, 'metrics.json'), 'utf8')) as {
    diagnosis: Finding[];
  };
  return { findings: new Map(diagnosis.map((finding) => [finding.id, finding])), stderr };
}

const unknown = { backbone: 'mine' };
const easy = (each: number) => clusters(['a', 'b', 'c'], each, { inputs: 12, seed: 4 });

describe('the diagnosis of a run', () => {
  it('is silent on a healthy one', async () => {
    const separate = easy(400).map((image) => ({
      ...image,
      features: image.features.map(
        (value, index) => value + 3 * Number(['a', 'b', 'c'][index] === image.labels[0]),
      ),
    }));
    const { findings } = await diagnosed(separate, ['--epochs', '30', '--lr', '0.01'], unknown);
    expect([...findings.keys()]).toEqual([]);
  });

  it('sees labels that have nothing to do with the features', async () => {
    const stream = random(1, 'shuffled');
    const shuffled = easy(60).map((image) => ({ ...image, labels: [['a', 'b', 'c'][stream.integer(3)]] }));
    const { findings, stderr } = await diagnosed(
      shuffled,
      ['--hidden', '256', '--epochs', '150', '--early-stopping', '0', '--monitor', 'accuracy'],
      unknown,
    );
    expect(findings.get('features-separate-nothing')?.severity).toBe('problem');
    expect(findings.has('overfitting')).toBe(true);
    expect(stderr).toContain('problem: The features carry no information about the labels');
  });

  it('sees a softmax inside the head', async () => {
    const { findings } = await diagnosed(
      easy(60),
      ['--hidden', '32x32', '--activation', 'softmax', '--epochs', '5'],
      unknown,
    );
    expect(findings.get('softmax-inside')?.flag).toBe('--activation relu');
  });

  it('sees learning rates that are too high and too low', async () => {
    const high = await diagnosed(
      easy(60),
      ['--grid', 'lr=1e-2,1e25', '--hidden', '16', '--optimizer', 'sgd', '--epochs', '5'],
      unknown,
    );
    expect(high.findings.get('learning-rate-too-high')?.evidence).toContain('1 of 2 heads');
    const low = await diagnosed(easy(60), ['--lr', '2e-3', '--epochs', '20'], unknown);
    expect(low.findings.get('learning-rate-too-low')?.flag).toContain('--lr 0.02');
  });

  it('sees that accuracy hides a rare class', async () => {
    const stream = random(2, 'rare');
    const rare = Array.from({ length: 400 }, (_, index) => {
      const labels = [index % 10 === 0 ? 'rust' : 'healthy'];
      return {
        name: `leaf-${index}`,
        labels,
        features: [stream.normal() + (labels[0] === 'rust' ? 1 : 0), stream.normal()],
      };
    });
    const { findings } = await diagnosed(rare, ['--epochs', '30', '--lr', '0.01'], unknown);
    expect(findings.get('imbalance-hidden')?.flag).toContain('--class-weight balanced');
    expect(findings.get('imbalance-hidden')?.evidence).toContain('"rust"');
  });

  it('finds ties on validation, and shows them on the leaderboard', async () => {
    const store = await syntheticStore(easy(40), unknown);
    const out = join(newFolder(), 'run');
    const { stdout } = await permafrost([
      'train-head',
      '--features',
      store,
      '--out',
      out,
      '--no-report',
      '--epochs',
      '20',
      '--grid',
      'lr=1e-2,1.1e-2,1e-5',
      '--early-stopping',
      '0',
      '--monitor',
      'accuracy',
    ]);
    const [header, ...lines] = (await readFile(join(out, 'leaderboard.csv'), 'utf8')).trim().split('\n');
    const column = (name: string) => lines.map((line) => line.split(',')[header.split(',').indexOf(name)]);
    expect(column('tied')).toEqual(['true', 'true', 'false']);
    expect(
      column('val_accuracy_low')
        .map(Number)
        .every((low, index) => low <= Number(column('val_accuracy')[index])),
    ).toBe(true);
    expect(
      column('val_accuracy_high')
        .map(Number)
        .every((high, index) => high >= Number(column('val_accuracy')[index])),
    ).toBe(true);
    expect(stdout).toContain('1=');
    const { diagnosis } = JSON.parse(await readFile(join(out, 'metrics.json'), 'utf8')) as {
      diagnosis: Finding[];
    };
    expect(diagnosis.map(({ id }) => id)).toContain('validation-too-small');
  });

  it('sees pixels of another normalisation, images that all look alike, and features that cannot be', async () => {
    const alike = easy(60).map(({ features, ...image }) => ({
      ...image,
      features: features.map((value, index) => (index === 0 ? -1 : 30 + value)),
    }));
    const pipeline = { backbone: 'resnet50', preprocessing: 'tf' };
    const { findings } = await diagnosed(alike, ['--epochs', '5'], pipeline);
    expect(findings.get('preprocessing-differs')?.evidence).toContain('"tf"');
    expect(findings.get('features-unlike-backbone')?.evidence).toContain('at least 0');
    expect(findings.has('images-look-alike')).toBe(true);
  });
});
