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
      'binary_crossentropy or focal with a sigmoid output (categorical_crossentropy looks only at the true class, so nothing lowers the others; it needs --output softmax)',
    option: 'loss',
  },
  {
    applies: (_, output, loss) => output === 'softmax' && loss === 'binary_crossentropy',
    expected:
      'categorical_crossentropy or focal with a softmax output (binary_crossentropy scores each class on its own; it needs --output sigmoid)',
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
