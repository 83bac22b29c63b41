/** Outputs and losses that exclude each other. */
import type { HeadConfig, Loss, Output, Task } from './config.ts';

/** A combination that is refused, why, and the flags that mend it. */
interface Mismatch {
  applies(task: Task, output: Output, loss: Loss | 'auto'): boolean;
  /** What to give instead, as an error of the command says it. */
  expected: string;
  option: 'output' | 'loss';
}

/** In the order of the checks: the first that applies is refused. */
const MISMATCHES: readonly Mismatch[] = [
  {
    applies: (task, output) => task === 'multilabel' && output === 'softmax',
    expected: 'sigmoid (an image can have several labels or none, softmax predicts exactly one)',
    option: 'output',
  },
  {
    applies: (_, output, loss) => output === 'sigmoid' && loss === 'categorical_crossentropy',
    expected:
      'binary_crossentropy or focal with a sigmoid output (categorical_crossentropy looks at the true class alone, so nothing holds the others down; --output softmax goes with it)',
    option: 'loss',
  },
  {
    applies: (_, output, loss) => output === 'softmax' && loss === 'binary_crossentropy',
    expected:
      'categorical_crossentropy or focal with a softmax output (binary_crossentropy takes each class for a question of its own; --output sigmoid goes with it)',
    option: 'loss',
  },
];

/** What is wrong with a task's output and loss; undefined where they fit. */
export function outputLossMismatch(
  task: Task,
  { output, loss }: { output: Output; loss: HeadConfig['loss'] | 'auto' },
): Pick<Mismatch, 'expected' | 'option'> | undefined {
  return MISMATCHES.find(({ applies }) => applies(task, output, loss));
}
