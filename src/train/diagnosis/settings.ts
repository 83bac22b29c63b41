/** Settings that contradict each other: one is trained and explained, the rest are refused with the flag that mends them. */
import type { HeadConfig, Loss, Output, Task } from '../../shared/head/config.ts';
import type { Rule } from './finding.ts';

/** A softmax between layers lets one unit through and hides the rest. */
export const softmaxInside: Rule = ({ best, results }) => {
  const { hidden, activation } = best.config;
  const used = results.filter(({ config }) => config.hidden.length > 0 && config.activation === 'softmax');
  if (used.length === 0) return undefined;
  const isBest = hidden.length > 0 && activation === 'softmax';
  return {
    severity: isBest ? 'problem' : 'warning',
    title: 'Softmax inside the head',
    evidence: `${used.length} of ${results.length} heads have softmax as the activation of a hidden layer${isBest ? ', the best among them' : ''}: the units of a layer then add up to 1, so that a wider layer says less per unit and gradients all but vanish`,
    remedy: 'softmax belongs behind the last layer only; use relu inside',
    flag: '--activation relu',
  };
};

/** Outputs and losses that exclude each other, why, and the flags that mend it. */
interface Mismatch {
  applies(task: Task, output: Output, loss: Loss | 'auto'): boolean;
  /** What to give instead, as an error of the command says it. */
  expected: string;
  at: 'output' | 'loss';
}

/** Looked through in this order by resolveConfig, which refuses the first that applies. */
const MISMATCHES: readonly Mismatch[] = [
  {
    applies: (task, output) => task === 'multilabel' && output === 'softmax',
    expected: 'sigmoid (an image can have several labels or none, softmax answers exactly one)',
    at: 'output',
  },
  {
    applies: (_, output, loss) => output === 'sigmoid' && loss === 'categorical_crossentropy',
    expected:
      'binary_crossentropy or focal with a sigmoid output (categorical_crossentropy looks at the true class alone, so nothing holds the others down; --output softmax goes with it)',
    at: 'loss',
  },
  {
    applies: (_, output, loss) => output === 'softmax' && loss === 'binary_crossentropy',
    expected:
      'categorical_crossentropy or focal with a softmax output (binary_crossentropy takes each class for a question of its own; --output sigmoid goes with it)',
    at: 'loss',
  },
];

/** What is wrong with a task's output and loss; undefined where they fit. */
export function mismatchOf(
  task: Task,
  { output, loss }: { output: Output; loss: HeadConfig['loss'] | 'auto' },
): Pick<Mismatch, 'expected' | 'at'> | undefined {
  return MISMATCHES.find(({ applies }) => applies(task, output, loss));
}
