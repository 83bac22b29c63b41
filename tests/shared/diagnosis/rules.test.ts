import { describe, expect, it } from 'vitest';
import type { DepthGap } from '../../../src/shared/analysis/depth-gap.ts';
import { describeFinding, diagnose } from '../../../src/shared/diagnosis/diagnose.ts';
import type { Facts } from '../../../src/shared/diagnosis/finding.ts';
import { epochs, found, head, healthy, healthyFeatures } from '../../support/healthy-facts.ts';

function gap(last: number, depths: number, interval: DepthGap['interval'], backbone = 'resnet50'): DepthGap {
  return { backbone, images: 600, metric: 'accuracy', last, depths, interval };
}

describe('the diagnosis', () => {
  it('finds nothing wrong with a healthy run', () => {
    expect(diagnose(healthy())).toEqual([]);
  });

  it.each<[string, Partial<Facts>]>([
    ['preprocessing-differs', { features: [healthyFeatures({ preprocessing: 'caffe' })] }],
    ['images-look-alike', { features: [healthyFeatures({ meanCosine: 0.994 })] }],
    ['features-unlike-backbone', { features: [healthyFeatures({ mean: 0.04, deviation: 0.21 })] }],
    ['features-unlike-backbone', { features: [healthyFeatures({ minimum: -1.5 })] }],
    ['features-unlike-backbone', { features: [healthyFeatures({ maximum: 41 })] }],
    [
      'features-separate-nothing',
      { separability: { linearAuc: 0.51, neighbourAuc: 0.52, chanceError: 0.02 } },
    ],
    ['domain-far', { depths: gap(0.876, 0.917, { low: 0.018, high: 0.062 }) }],
    ['stuck-at-majority', { best: head({ val: { accuracy: 0.255, balancedAccuracy: 0.25 } }) }],
    ['overfitting', { trained: { accuracy: 1 }, best: head({ val: { accuracy: 0.7 } }) }],
    ['learning-rate-too-high', { runs: [head(), head({ id: '2', status: 'diverged' }, { lr: 3 })] }],
    [
      'learning-rate-too-low',
      {
        best: head(
          { epochs: 60, bestEpoch: 60, history: epochs(60, (epoch) => 2 - epoch / 40) },
          { epochs: 60, lr: 1e-5 },
        ),
      },
    ],
    [
      'imbalance-hidden',
      {
        evaluated: { split: 'test', metrics: { accuracy: 0.92, balancedAccuracy: 0.6, f1Macro: 0.55 } },
        perClass: [
          { name: 'healthy', precision: 0.9, recall: 1, f1: 0.95, support: 180, averagePrecision: 1, auc: 1 },
          { name: 'rust', precision: 1, recall: 0.2, f1: 0.3, support: 20, averagePrecision: 0.5, auc: 0.9 },
        ],
      },
    ],
    [
      'validation-too-small',
      {
        rows: { train: 80, val: 20, test: 20 },
        leaderboard: [
          { id: '1', interval: { low: 0.1, high: 0.4 }, tied: true },
          { id: '2', interval: { low: 0.1, high: 0.5 }, tied: true },
        ],
      },
    ],
  ])('recognises %s', (id, changes) => {
    expect(found(changes)).toContain(id);
  });

  it('says what it saw, what to do and which flag does it, the gravest first', () => {
    const findings = diagnose(
      healthy({
        features: [healthyFeatures({ meanCosine: 0.994 })],
        runs: [head(), head({ id: '2', status: 'diverged' }, { lr: 3 })],
      }),
    );
    expect(findings.map(({ severity }) => severity)).toEqual(['problem', 'warning']);
    expect(describeFinding(findings[0])).toContain('0.994');
    expect(describeFinding(findings[1])).toContain('try       --lr 0.001');
  });

  it('names a head of the sweep that is more regularised', () => {
    const milder = head({ id: '7', val: { accuracy: 0.82 } }, { hidden: [64], dropout: 0.5 });
    const best = head({ val: { accuracy: 0.7 } }, { hidden: [512] });
    const [finding] = diagnose(healthy({ trained: { accuracy: 1 }, best, results: [best, milder] }));
    expect(finding.evidence).toContain('head 7 (hidden 64, dropout 0.5');
  });

  it('says that a domain is far only of three points or more that are beyond chance', () => {
    expect(found({ depths: gap(0.88, 0.905, { low: 0.01, high: 0.04 }) })).toEqual([]);
    expect(found({ depths: gap(0.88, 0.92, { low: -0.01, high: 0.09 }) })).toEqual([]);
    expect(found({ depths: gap(0.88, 0.92, null) })).toEqual([]);
  });

  it('recommends fine-tuning of a far domain by its command, where the backbone can be', () => {
    const far = [0.876, 0.917, { low: 0.018, high: 0.062 }] as const;
    const [finding] = diagnose(healthy({ depths: gap(...far), folder: 'runs/cells/best' }));
    expect(finding.severity).toBe('note');
    expect(finding.evidence).toContain(
      '600 images left out in turn, a linear probe has accuracy 87.6 % on the last layer and 91.7 % on all depths (95 % interval of the difference: 1.8 to 6.2 points)',
    );
    expect(finding.flag).toBe('permafrost fine-tune --head runs/cells/best');
    expect(diagnose(healthy({ depths: gap(...far, 'net.onnx') }))[0].flag).toBeNull();
  });

  it('leaves the statistics of seeded and of unknown backbones alone', () => {
    const seeded = healthyFeatures({ trained: false, mean: 0.01, meanCosine: 0.999 });
    const unknown = healthyFeatures({ backbone: 'mine', preprocessing: 'mine', minimum: -9, mean: 3 });
    expect(found({ features: [seeded, unknown] })).toEqual([]);
  });
});
