/** From options as they are requested to a complete head configuration; combinations that cannot work are refused. */
import { UsageError, usage } from '../errors.ts';
import { flagOf, withDefaults } from '../options.ts';
import { type HeadConfig, type Loss, metricsOf, type Output, type Task } from './config.ts';
import {
  formatOption,
  HEAD_OPTION_KEYS,
  HEAD_OPTIONS,
  type HeadOptionKey,
  type HeadRequest,
} from './options.ts';
import { outputLossMismatch } from './output-loss.ts';

/** The request with options that mean nothing on this head (momentum with Adam) back at their defaults. */
export function withoutIdleOptions(request: Partial<HeadRequest>): HeadRequest {
  const head: HeadRequest = withDefaults(HEAD_OPTIONS, request);
  const idle = HEAD_OPTION_KEYS.filter((key) => HEAD_OPTIONS[key].needs?.met(head) === false);
  return { ...head, ...Object.fromEntries(idle.map((key) => [key, HEAD_OPTIONS[key].default])) };
}

const LOSS_OF: Record<Output, Loss> = { softmax: 'categorical_crossentropy', sigmoid: 'binary_crossentropy' };

/**
 * Completes a request for a task: defaults, and `auto` output and loss settled.
 * @throws UsageError for options that exclude each other or mean nothing on this head
 */
export function resolveConfig(request: Partial<HeadRequest>, task: Task): HeadConfig {
  const head: HeadRequest = withDefaults(HEAD_OPTIONS, request);
  for (const key of HEAD_OPTION_KEYS) {
    const { needs, default: initial } = HEAD_OPTIONS[key];
    const value = formatOption(key, head);
    const isDefault = value === formatOption(key, { ...head, [key]: initial });
    if (!needs || needs.met(head) || isDefault) continue;
    const received = needs.by.map((other) => written(other, formatOption(other, head))).join(' ');
    throw new UsageError(`Expected ${needs.what} for ${written(key, value)} but received ${received}`);
  }
  if (head.optimizer === 'lbfgs') refuseForExactSolution(head);
  const output = head.output === 'auto' ? (task === 'multiclass' ? 'softmax' : 'sigmoid') : head.output;
  const loss = head.loss === 'auto' ? LOSS_OF[output] : head.loss;
  const mismatch = outputLossMismatch(task, { output, loss });
  if (mismatch) throw usage(mismatch.expected, `--${mismatch.option}`, { output, loss }[mismatch.option]);
  if (!metricsOf(task).includes(head.monitor)) {
    throw usage(`one of ${metricsOf(task).join(', ')} (${task} data)`, '--monitor', head.monitor);
  }
  return { ...head, output, loss };
}

/** Options without which a head is a convex problem; lbfgs solves nothing else. */
const CONVEX: { readonly [K in HeadOptionKey]?: HeadRequest[K] } = {
  hidden: [],
  dropout: 0,
  se: 0,
  l1: 0,
  maxNorm: 0,
};

/** Whether a head's options, hidden layers aside, leave a problem that lbfgs solves. */
export function isConvex({ optimizer = 'lbfgs', loss, hidden: _, ...head }: Partial<HeadRequest>): boolean {
  const { hidden: __, ...convex } = CONVEX;
  const others = Object.entries(convex) as [keyof typeof head, unknown][];
  return (
    optimizer === 'lbfgs' &&
    loss !== 'focal' &&
    others.every(([key, value]) => (head[key] ?? value) === value)
  );
}

function refuseForExactSolution(head: HeadRequest): void {
  if (head.loss === 'focal')
    throw usage('a cross-entropy with --optimizer lbfgs (exact linear heads)', '--loss', head.loss);
  for (const key of HEAD_OPTION_KEYS) {
    if (!(key in CONVEX)) continue;
    const wanted = formatOption(key, { ...head, ...CONVEX });
    const received = formatOption(key, head);
    if (received !== wanted)
      throw usage(`${wanted} with --optimizer lbfgs (exact linear heads)`, `--${flagOf(key)}`, received);
  }
}

/** An option as a flag: `--momentum 0.9`, `--batch-norm`, `--no-bias`. */
function written(key: HeadOptionKey, value: string): string {
  if (value === 'true') return `--${flagOf(key)}`;
  return value === 'false' ? `--no-${flagOf(key)}` : `--${flagOf(key)} ${value}`;
}
