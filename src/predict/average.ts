/** Averages the predictions for the views of each image (`--tta`). */

/**
 * Returns a function that takes rows of probabilities in the order of the images, `views` rows each, in pieces of any
 * length, and gives the mean of every image that is complete by then.
 * @param width probabilities in a row
 * @returns [images, width]
 */
export function createAverager(views: number, width: number): (rows: Float32Array) => Float32Array {
  let sums = new Float64Array(width);
  let summed = 0;
  return (rows) => {
    const means = new Float32Array(Math.floor((summed + rows.length / width) / views) * width);
    let done = 0;
    for (let start = 0; start < rows.length; start += width) {
      for (let i = 0; i < width; i++) sums[i] += rows[start + i];
      if (++summed < views) continue;
      means.set(
        sums.map((sum) => sum / views),
        done,
      );
      done += width;
      sums = new Float64Array(width);
      summed = 0;
    }
    return means;
  };
}
