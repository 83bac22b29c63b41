/** Metrics of how well probabilities rank rows, whatever the threshold: ROC AUC and average precision. */

/** Ranking quality of one class; null where its rows leave the value undefined. */
export interface RankingScores {
  /** Area under the ROC curve: sklearn's roc_auc_score. Needs rows with and without the class. */
  auc: number | null;
  /** sklearn's average_precision_score: sum of precision x gain in recall. Needs a row with the class. */
  averagePrecision: number | null;
}

/** Ranks all rows by the probability of one class; equal probabilities share one threshold, as in sklearn. */
export function rankClass(
  probabilities: Float32Array,
  targets: Uint8Array,
  rows: number,
  classes: number,
  label: number,
): RankingScores {
  const keys = sortedKeys(probabilities, targets, rows, classes, label);
  let positives = 0;
  for (const key of keys) positives += key % 2;
  const negatives = rows - positives;
  let truePositives = 0;
  let falsePositives = 0;
  let pairsWon = 0;
  let precisionSum = 0;
  for (let end = rows; end > 0; ) {
    const score = Math.floor(keys[end - 1] / 2);
    let tied = 0;
    let tiedPositives = 0;
    while (end > 0 && Math.floor(keys[end - 1] / 2) === score) {
      tiedPositives += keys[--end] % 2;
      tied++;
    }
    const tiedNegatives = tied - tiedPositives;
    pairsWon += tiedPositives * (negatives - falsePositives - tiedNegatives / 2);
    truePositives += tiedPositives;
    falsePositives += tiedNegatives;
    precisionSum += tiedPositives * (truePositives / (truePositives + falsePositives));
  }
  return {
    auc: positives > 0 && negatives > 0 ? pairsWon / (positives * negatives) : null,
    averagePrecision: positives > 0 ? precisionSum / positives : null,
  };
}

/**
 * One number per row, ascending by probability: the bits of a float32 of 0 or more order as the number does, so
 * twice the bits plus the target lets the engine's own numeric sort do the work without a comparison function.
 */
function sortedKeys(
  probabilities: Float32Array,
  targets: Uint8Array,
  rows: number,
  classes: number,
  label: number,
): Float64Array {
  const scores = new Float32Array(rows);
  const bits = new Uint32Array(scores.buffer);
  const keys = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    // Adding 0 turns -0 into 0.
    scores[row] = probabilities[row * classes + label] + 0;
    keys[row] = bits[row] * 2 + targets[row * classes + label];
  }
  return keys.sort();
}
