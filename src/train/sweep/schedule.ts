/** Learning-rate schedules. */
import type { HeadConfig } from '../../shared/head/config.ts';

export interface LearningRate {
  /** The rate of a step. @param progress share of all steps already taken, 0 to below 1 */
  at(progress: number): number;
  /** Told after each epoch whether the monitored value improved. */
  epochEnded(improved: boolean): void;
}

/** Keras ReduceLROnPlateau's default factor. */
const PLATEAU_FACTOR = 0.1;
/** Epochs without improvement before `plateau` cuts the rate: half of the early-stopping patience, or this. */
const PLATEAU_PATIENCE = 5;

const SCHEDULES: Readonly<Record<HeadConfig['schedule'], (config: HeadConfig) => LearningRate>> = {
  constant: ({ lr }) => ({ at: () => lr, epochEnded: () => {} }),
  /** From the full rate to zero along half a cosine (Loshchilov and Hutter 2017, without restarts). */
  cosine: ({ lr }) => ({
    at: (progress) => (lr * (1 + Math.cos(Math.PI * progress))) / 2,
    epochEnded: () => {},
  }),
  plateau({ lr, earlyStopping }) {
    const patience = earlyStopping > 0 ? Math.max(1, Math.floor(earlyStopping / 2)) : PLATEAU_PATIENCE;
    let current = lr;
    let waited = 0;
    return {
      at: () => current,
      epochEnded(improved) {
        waited = improved ? 0 : waited + 1;
        if (waited < patience) return;
        current *= PLATEAU_FACTOR;
        waited = 0;
      },
    };
  },
};

export function learningRate(config: HeadConfig): LearningRate {
  return SCHEDULES[config.schedule](config);
}
