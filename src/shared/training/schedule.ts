/** Learning-rate schedules. */
import type { HeadConfig } from '../head/config.ts';

export interface LearningRate {
  /** The rate of a step, counted from 0. */
  rateAt(step: number): number;
  /** Told after each epoch whether the monitored value improved. */
  epochEnded(improved: boolean): void;
}

/** A schedule after the warm-up. */
interface Schedule {
  /** @param progress share of the steps after the warm-up that are already taken, 0 to below 1 */
  rateAt(progress: number): number;
  epochEnded(improved: boolean): void;
}

/** The settings that a learning rate follows. */
type ScheduleSettings = Pick<HeadConfig, 'lr' | 'schedule' | 'warmup' | 'epochs' | 'earlyStopping'>;

/** Keras ReduceLROnPlateau's default factor. */
const PLATEAU_FACTOR = 0.1;
/** Epochs without improvement before `plateau` cuts the rate: half of the early-stopping patience, or this. */
const PLATEAU_PATIENCE = 5;

const SCHEDULES: Readonly<Record<HeadConfig['schedule'], (settings: ScheduleSettings) => Schedule>> = {
  constant: ({ lr }) => ({ rateAt: () => lr, epochEnded: () => {} }),
  /** From the full rate to zero along half a cosine (Loshchilov and Hutter 2017, without restarts). */
  cosine: ({ lr }) => ({
    rateAt: (progress) => (lr * (1 + Math.cos(Math.PI * progress))) / 2,
    epochEnded: () => {},
  }),
  /** A tenth after half of the epochs and again after three quarters (He et al. 2016, on CIFAR-10). */
  step: ({ lr }) => ({
    rateAt: (progress) => lr * (progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01),
    epochEnded: () => {},
  }),
  plateau({ lr, earlyStopping }) {
    const patience = earlyStopping > 0 ? Math.max(1, Math.floor(earlyStopping / 2)) : PLATEAU_PATIENCE;
    let current = lr;
    let waited = 0;
    return {
      rateAt: () => current,
      epochEnded(improved) {
        waited = improved ? 0 : waited + 1;
        if (waited < patience) return;
        current *= PLATEAU_FACTOR;
        waited = 0;
      },
    };
  },
};

/** The learning rates of a training: a warm-up in equal steps from nothing, then its schedule. */
export function learningRate(config: ScheduleSettings, stepsPerEpoch: number): LearningRate {
  const course = SCHEDULES[config.schedule](config);
  const warmup = Math.round(Math.min(config.warmup, config.epochs) * stepsPerEpoch);
  const rest = Math.max(1, config.epochs * stepsPerEpoch - warmup);
  return {
    rateAt: (step) =>
      step < warmup
        ? (course.rateAt(0) * (step + 1)) / warmup
        : course.rateAt(Math.min(1, (step - warmup) / rest)),
    epochEnded: course.epochEnded,
  };
}
