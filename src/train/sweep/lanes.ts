/** Where one head's numbers lie in a tensor that a stack shares. */

/** A tensor of a stack. Wide: a lane is a block of columns of [rows, lanes * units]; otherwise the whole tensor. */
export interface LaneLayout {
  lanes: number;
  wide: boolean;
  /** Columns of one lane. */
  units: number;
}

/** Copies a lane's numbers into the tensor. */
export function writeLane(
  tensor: Float32Array,
  source: Float32Array,
  layout: LaneLayout,
  lane: number,
): void {
  const { width, pitch } = blocks(source.length, layout);
  for (let row = 0; row * width < source.length; row++) {
    tensor.set(source.subarray(row * width, (row + 1) * width), row * pitch + lane * width);
  }
}

/** Copies a lane's numbers out of the tensor. */
export function readLane(tensor: Float32Array, target: Float32Array, layout: LaneLayout, lane: number): void {
  const { width, pitch } = blocks(target.length, layout);
  for (let row = 0; row * width < target.length; row++) {
    const start = row * pitch + lane * width;
    target.set(tensor.subarray(start, start + width), row * width);
  }
}

/** Runs of consecutive numbers, and how far apart they start. */
function blocks(length: number, { lanes, wide, units }: LaneLayout): { width: number; pitch: number } {
  return wide ? { width: units, pitch: units * lanes } : { width: length, pitch: length };
}
