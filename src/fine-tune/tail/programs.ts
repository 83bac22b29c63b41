/** Compiled graphs of a worker: those of one kind of tail and head are kept, since creating and releasing sessions leaks memory. */
import type { TailShape, TailStep } from '../../shared/training/tail-step.ts';

/** All that the graphs of a training are made from, but for the batch. */
export interface TailGraphs {
  step: Omit<TailStep, 'batch'>;
  prediction: Omit<TailShape, 'batch'>;
}

interface Releasable {
  release(): void | Promise<void>;
}

export interface TailPrograms {
  /** Programs of other graphs than these are released. */
  use(graphs: TailGraphs): Promise<void>;
  /** The program of that name, compiled at its first use. */
  once<P extends Releasable>(name: string, compile: () => P | Promise<P>): Promise<P>;
  release(): Promise<void>;
}

export function createTailPrograms(): TailPrograms {
  const compiled = new Map<string, Promise<Releasable>>();
  let kind = '';
  const release = async () => {
    for (const program of compiled.values()) await (await program).release();
    compiled.clear();
  };
  return {
    async use({ step: { trained, layers, output, loss, normalize } }) {
      const requested = JSON.stringify([trained, layers, output, loss, normalize], withoutRates);
      if (requested !== kind) await release();
      kind = requested;
    },
    once<P extends Releasable>(name: string, compile: () => P | Promise<P>) {
      const program = (compiled.get(name) as Promise<P> | undefined) ?? Promise.resolve(compile());
      compiled.set(name, program);
      return program;
    },
    release,
  };
}

/** A dropout layer's rate is in the masks that it is fed. */
function withoutRates(key: string, value: unknown): unknown {
  return key === 'rate' ? undefined : value;
}
