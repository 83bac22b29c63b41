/** A linear probe that predicts each row without having seen it: ridge regression, left-one-out in closed form. */

/** Rows of coordinates and their targets. */
export interface ProbeData {
  /** [rows, width]. */
  coordinates: Float32Array;
  /** [rows, classes], 0 or 1. */
  targets: Uint8Array;
  rows: number;
  width: number;
  classes: number;
}

/** Penalties that are tried, as shares of the mean variance of a coordinate; the one with the least error wins. */
const PENALTIES = [0.001, 0.01, 0.03, 0.1, 0.3, 1, 10];

/**
 * Scores [rows, classes] of every row by a probe fitted on all others. With H the hat matrix of ridge regression, the
 * score without row i is y - (y - Hy) / (1 - h_ii) (Allen 1974, PRESS), so that one factorisation serves all rows.
 */
export function leaveOneOut(data: ProbeData): Float32Array {
  const { coordinates, targets, rows, width, classes } = data;
  const size = width + 1;
  const design = (row: number, i: number) => (i === width ? 1 : coordinates[row * width + i]);
  const gram = new Float64Array(size * size);
  const moments = new Float64Array(size * classes);
  const x = new Float64Array(size);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < size; i++) x[i] = design(row, i);
    for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) gram[i * size + j] += x[i] * x[j];
    for (let label = 0; label < classes; label++)
      if (targets[row * classes + label] === 1)
        for (let i = 0; i < size; i++) moments[i * classes + label] += x[i];
  }
  let scale = 0;
  for (let i = 0; i < width; i++) scale += gram[i * size + i] / width;
  let best: { scores: Float32Array; error: number } | undefined;
  for (const share of PENALTIES) {
    const factor = cholesky(gram, size, Math.max(share * scale, 1e-12));
    const scores = pressScores(factor, moments, data);
    let error = 0;
    for (let index = 0; index < scores.length; index++) error += (scores[index] - targets[index]) ** 2;
    if (!best || error < best.error) best = { scores, error };
  }
  return best?.scores ?? new Float32Array(0);
}

/** The lower triangle L of gram + penalty = L L', the last diagonal entry (the intercept) unpenalised. */
function cholesky(gram: Float64Array, size: number, penalty: number): Float64Array {
  const lower = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let sum = gram[i * size + j] + (i === j ? (i < size - 1 ? penalty : 1e-9) : 0);
      for (let k = 0; k < j; k++) sum -= lower[i * size + k] * lower[j * size + k];
      lower[i * size + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / lower[j * size + j];
    }
  return lower;
}

function pressScores(
  lower: Float64Array,
  moments: Float64Array,
  { coordinates, targets, rows, width, classes }: ProbeData,
): Float32Array {
  const size = width + 1;
  const solved = new Float64Array(size * classes);
  const column = new Float64Array(size);
  for (let label = 0; label < classes; label++) {
    for (let i = 0; i < size; i++) column[i] = moments[i * classes + label];
    forward(lower, size, column);
    for (let i = 0; i < size; i++) solved[i * classes + label] = column[i];
  }
  const scores = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) column[i] = coordinates[row * width + i];
    column[width] = 1;
    forward(lower, size, column);
    let leverage = 0;
    for (let i = 0; i < size; i++) leverage += column[i] * column[i];
    const rest = Math.max(1 - leverage, 1e-6);
    for (let label = 0; label < classes; label++) {
      let fitted = 0;
      for (let i = 0; i < size; i++) fitted += column[i] * solved[i * classes + label];
      const target = targets[row * classes + label];
      scores[row * classes + label] = target - (target - fitted) / rest;
    }
  }
  return scores;
}

/** Solves L x = b in place. */
function forward(lower: Float64Array, size: number, b: Float64Array): void {
  for (let i = 0; i < size; i++) {
    let sum = b[i];
    for (let k = 0; k < i; k++) sum -= lower[i * size + k] * b[k];
    b[i] = sum / lower[i * size + i];
  }
}
