/** A tail and its head in memory that the engine and the optimiser's kernels share: nothing is copied between them. */
import type { Engine } from '../../shared/engines/engine.ts';
import type { Allocate, Arena } from '../../shared/training/arena.ts';
import { gradientOf, tailPrediction, tailStep } from '../../shared/training/tail-step.ts';
import type { TailGraphs, TailPrograms } from './programs.ts';
import { BLOCKS, type TailState } from './state.ts';
import { stepTensors } from './steps.ts';
import { type TensorLayout, tensorIn } from './tensors.ts';

type HostArrays = ReturnType<typeof hostArrays>;

/** @param allocate see {@link layOut} */
export function hostArrays(allocate: Allocate, { length, tensors }: TensorLayout, probabilities: number) {
  return {
    blocks: { parameters: allocate(length), first: allocate(length), second: allocate(length) },
    gradients: allocate(length),
    statistics: tensors.flatMap(({ statistic, length: own }) =>
      statistic ? [{ output: statistic.output, array: allocate(own) }] : [],
    ),
    loss: allocate(1),
    probabilities: allocate(probabilities),
  };
}

export function hostState(
  arena: Arena,
  { engine, programs, graphs }: { engine: Engine; programs: TailPrograms; graphs: TailGraphs },
  layout: TensorLayout,
  arrays: HostArrays,
): TailState {
  const { blocks, gradients, loss, probabilities } = arrays;
  const parameters = Object.fromEntries(
    layout.tensors.map((tensor) => [tensor.key, tensorIn(blocks.parameters.view, tensor)]),
  );
  const statistics = Object.fromEntries(arrays.statistics.map(({ output, array }) => [output, array.view]));
  const trained = layout.tensors.filter(({ isTrained }) => isTrained);
  const results = {
    loss: loss.view,
    ...statistics,
    ...Object.fromEntries(
      trained.map((tensor) => [gradientOf(tensor.key), tensorIn(gradients.view, tensor)]),
    ),
  };
  return {
    load(saved) {
      for (const block of BLOCKS) blocks[block].view.set(saved[block]);
    },
    save: async () => ({
      parameters: blocks.parameters.view,
      first: blocks.first.view,
      second: blocks.second.view,
    }),
    async step(feeds, size, settings, rates) {
      const program = await programs.once(`step ${size}`, () =>
        engine.compile(tailStep({ ...graphs.step, batch: size })),
      );
      await program.run({ ...parameters, ...feeds }, results);
      const [value] = loss.view;
      if (Number.isFinite(value))
        stepTensors(arena, { layout, blocks, gradients, statistics }, settings, rates);
      return value;
    },
    async predict(feeds, size) {
      const program = await programs.once(`predict ${size}`, () =>
        engine.compile(tailPrediction({ ...graphs.prediction, batch: size })),
      );
      await program.run({ ...parameters, ...feeds }, { probabilities: probabilities.view });
      return probabilities.view;
    },
    // The arena is used again.
    release() {},
  };
}
