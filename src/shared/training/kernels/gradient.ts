/**
 * The gradient of a kernel that reads the features (AssemblyScript, not TypeScript): the sum over a batch of each unit's
 * error times the row, passing over errors of zero, of which relu and dropout leave three in four.
 */

/**
 * Numbers of a panel's rows: four vectors. With eight, whose sums and rows are more than there are registers, one sum went through
 * memory and took a third longer.
 */
const WIDTH: usize = 16;
const WIDTH_BYTES: usize = WIDTH << 2;

/** Inputs that are summed for all units of a block before the next ones, in bytes: their rows stay in the first cache. */
const PIECE: usize = 512;

/**
 * Copies rows [batch, inputs] into panels [inputs / 16, batch, 16]. Read along the batch, rows of 8 kB would all fall into the same
 * few places of the cache.
 * @param inputs a multiple of 16
 */
export function rowPanels(panels: usize, rows: usize, batch: usize, inputs: usize): void {
  const pitch = inputs << 2;
  const end = rows + batch * pitch;
  for (let i: usize = 0; i < pitch; i += WIDTH_BYTES) {
    for (let source = rows + i; source < end; source += pitch) {
      v128.store(panels, v128.load(source));
      v128.store(panels, v128.load(source, 16), 16);
      v128.store(panels, v128.load(source, 32), 32);
      v128.store(panels, v128.load(source, 48), 48);
      panels += WIDTH_BYTES;
    }
  }
}

/** Lists the errors of a unit that are not zero, each behind the place of its row in a panel; returns the list's end. */
// @ts-expect-error: decorators are AssemblyScript's
@inline
function listErrors(list: usize, errors: usize, batch: usize): usize {
  let end = list;
  for (let row: usize = 0; row < batch; row++) {
    const error = load<f32>(errors + (row << 2));
    store<u32>(end, <u32>(row * WIDTH_BYTES));
    store<f32>(end, error, 4);
    end += error != 0 ? 8 : 0;
  }
  return end;
}

/**
 * The gradient [units, inputs] of some units.
 * @param errors derivatives of the loss in the units' sums, [units, batch]
 * @param panels of the batch, see {@link rowPanels}
 * @param lists room for `units * (batch + 1)` times 8 bytes
 */
export function kernelGradient(
  gradient: usize, errors: usize, panels: usize, lists: usize, units: usize, batch: usize, inputs: usize,
): void {
  const pitch = inputs << 2;
  const room = (batch + 1) << 3;
  for (let unit: usize = 0; unit < units; unit++) {
    const list = lists + unit * room;
    store<u32>(list, <u32>listErrors(list + 8, errors + unit * (batch << 2), batch));
  }
  for (let from: usize = 0; from < pitch; from += PIECE) {
    const to = min(from + PIECE, pitch);
    for (let unit: usize = 0; unit < units; unit++) {
      const list = lists + unit * room;
      const end = <usize>load<u32>(list);
      for (let i = from; i < to; i += WIDTH_BYTES) {
        let a = f32x4.splat(0);
        let b = f32x4.splat(0);
        let c = f32x4.splat(0);
        let d = f32x4.splat(0);
        const panel = panels + i * batch;
        for (let entry = list + 8; entry < end; entry += 8) {
          const row = panel + <usize>load<u32>(entry);
          const error = v128.load32_splat(entry, 4);
          a = f32x4.add(a, f32x4.mul(error, v128.load(row)));
          b = f32x4.add(b, f32x4.mul(error, v128.load(row, 16)));
          c = f32x4.add(c, f32x4.mul(error, v128.load(row, 32)));
          d = f32x4.add(d, f32x4.mul(error, v128.load(row, 48)));
        }
        const address = gradient + unit * pitch + i;
        v128.store(address, a);
        v128.store(address, b, 16);
        v128.store(address, c, 32);
        v128.store(address, d, 48);
      }
    }
  }
}
