/** The SIMD kernels for pixels, which the build compiles, and the memory that they work in. */
import { readFileSync } from 'node:fs';
import { builtFiles } from '../built-files.ts';

/** The functions of src/shared/images/kernels; see there for their arguments. */
interface Kernels {
  columns(...args: number[]): void;
  rows(...args: number[]): void;
}

export interface ImageKernels extends Kernels {
  buffer: ArrayBuffer;
  /** Where each of the requested arrays begins, a multiple of 8. */
  addresses: number[];
}

const PAGE_BYTES = 65_536;
/** What a kernel may read and write behind an array. */
const SLACK_BYTES = 8;

let opened: { memory: WebAssembly.Memory; kernels: Kernels } | undefined;

function open(): NonNullable<typeof opened> {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(
    new WebAssembly.Module(readFileSync(builtFiles.asset('shared/images/kernels/kernels.wasm'))),
    {
      env: { memory },
    },
  );
  return { memory, kernels: exports as unknown as Kernels };
}

/**
 * The kernels, with room for arrays of so many bytes in their memory, which is the same at each call: what was there is
 * overwritten.
 */
export function imageKernels(bytes: readonly number[]): ImageKernels {
  opened ??= open();
  const { memory, kernels } = opened;
  // The first page is the kernels' own.
  let end = PAGE_BYTES;
  const addresses = bytes.map((length) => {
    const address = end;
    end += Math.ceil((length + SLACK_BYTES) / 8) * 8;
    return address;
  });
  const lacking = Math.ceil((end - memory.buffer.byteLength) / PAGE_BYTES);
  if (lacking > 0) memory.grow(lacking);
  return { columns: kernels.columns, rows: kernels.rows, buffer: memory.buffer, addresses };
}
