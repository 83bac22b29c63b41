/** How every session of onnxruntime is made. */
import type { InferenceSession } from 'onnxruntime-node';
import type { Device } from '../interface.ts';

/** onnxruntime's ORT_LOGGING_LEVEL_ERROR: its warnings are about its own optimiser, not for users. */
const LOG_ERRORS = 3;

/**
 * Pad_Fusion turns zeros in front of a maximum pool into padding, which never is the maximum: other results wherever
 * activations are negative (microsoft/onnxruntime#24737, still so in 1.30.0).
 */
const UNSAFE_OPTIMIZERS = { optimization: { disable_specified_optimizers: 'Pad_Fusion' } };

/**
 * Numbers below float32's normal range count as zero, as in TensorFlow: a head that is nearly certain of every prediction has gradients
 * full of them, and arithmetic on those is many times slower. onnxruntime sets it on its own threads and on the one that makes a
 * process's first session, no other: what steps parameters must keep out of that range by itself.
 */
const DENORMALS_AS_ZERO = { session: { set_denormal_as_zero: '1' } };

/**
 * Threads sleep while they wait for each other. On a busy machine, threads that spin instead took the cores from those that they
 * waited for: two of them trained more slowly than one.
 */
const SLEEPING_THREADS = { session: { ...DENORMALS_AS_ZERO.session, 'intra_op.allow_spinning': '0' } };

/** @param threads inside one operation, by one of several that share the machine; default: all cores, for this one alone */
export function sessionOptions(
  provider: Device,
  threads: number | undefined,
): InferenceSession.SessionOptions {
  return {
    // Alone: with the CPU as a second choice, a missing provider would be skipped without a word.
    executionProviders: [provider],
    graphOptimizationLevel: 'all',
    extra: { ...UNSAFE_OPTIMIZERS, ...(threads === undefined ? DENORMALS_AS_ZERO : SLEEPING_THREADS) },
    executionMode: 'sequential',
    logSeverityLevel: LOG_ERRORS,
    ...(threads !== undefined && { intraOpNumThreads: threads, interOpNumThreads: 1 }),
  };
}
