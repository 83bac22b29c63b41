/** Compiled graphs of a worker: those of one kind of tail and head are kept, since creating and releasing sessions leaks memory. */
import type { Engine, Program } from '../../shared/engines/engine.ts';
import { type TailShape, type TailStep, tailPrediction, tailStep } from '../../shared/training/tail-step.ts';

/** All that the graphs of a training are made from, but for the batch. */
export interface TailGraphs {
  step: Omit<TailStep, 'batch'>;
  prediction: Omit<TailShape, 'batch'>;
}

export interface TailPrograms {
  /** Programs of other graphs are released. */
  of(graphs: TailGraphs): Promise<{
    step(batch: number): Promise<Program>;
    predict(batch: number): Promise<Program>;
  }>;
  release(): Promise<void>;
}

export function createTailPrograms(engine: Engine): TailPrograms {
  const compiled = new Map<string, Promise<Program>>();
  let kind = '';
  const release = async () => {
    for (const program of compiled.values()) await (await program).release();
    compiled.clear();
  };
  return {
    async of({ step, prediction }) {
      const { trained, layers, output, loss, normalize } = step;
      const requested = JSON.stringify([trained, layers, output, loss, normalize], withoutRates);
      if (requested !== kind) await release();
      kind = requested;
      const once = (key: string, create: () => Promise<Program>): Promise<Program> => {
        const program = compiled.get(key) ?? create();
        compiled.set(key, program);
        return program;
      };
      return {
        step: (batch) => once(`step ${batch}`, () => engine.compile(tailStep({ ...step, batch }))),
        predict: (batch) =>
          once(`predict ${batch}`, () => engine.compile(tailPrediction({ ...prediction, batch }))),
      };
    },
    release,
  };
}

/** A dropout layer's rate is in the masks that it is fed. */
function withoutRates(key: string, value: unknown): unknown {
  return key === 'rate' ? undefined : value;
}
