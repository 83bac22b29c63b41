/** The words that say how the layers behind a cut are trained. */

/**
 * What becomes of the batch-norms behind a cut. `frozen`: moving statistics, scale and shift stay as they are; `trainable`: as in
 * Keras, with the batch's statistics and moving averages; `insert`: the same, and a new one behind each convolution that has none
 * before its activation.
 */
export const BATCH_NORM_MODES = ['frozen', 'trainable', 'insert'] as const;
export type BatchNormMode = (typeof BATCH_NORM_MODES)[number];

/** Sets of weights. `bias`: with the shifts of normalisations; batch-norms that are not frozen count to `all-but-batch-norm`. */
export const TRAIN_WORDS = ['all-but-batch-norm', 'all', 'batch-norm', 'bias'] as const;
