/** A disk whose n-th call fails: wraps the table of file-system calls that stores go through. */
import type { disk } from '../../../src/shared/store/files.ts';

type Disk = typeof disk;
type Call = (...args: unknown[]) => Promise<unknown>;

/** Counts calls, also those on open files, and makes one of them fail. */
export interface Faults {
  /** Calls so far. */
  readonly calls: number;
  /** Puts the real calls back. */
  undo(): void;
}

/**
 * Makes call number `failing` (from 1; 0: none) on `table` fail with an error of that code.
 * A write that fails leaves half of its content behind, as a full disk does.
 */
export function failCall(table: Disk, failing: number, code = 'ENOSPC'): Faults {
  const real = { ...table } as unknown as Record<string, Call>;
  let calls = 0;
  const counted = (call: Call, half?: (content: never) => Promise<unknown>): Call => {
    return async (...args) => {
      calls++;
      if (calls === failing) {
        await half?.(args[0] as never);
        throw Object.assign(new Error(`${code}: made to fail`), { code });
      }
      return call(...args);
    };
  };
  for (const [name, call] of Object.entries(real)) {
    const replaced = table as unknown as Record<string, Call>;
    replaced[name] = counted(async (...args) => {
      const result = await call(...args);
      return name === 'open' ? watched(result as Record<string, Call>, counted) : result;
    });
  }
  return {
    get calls() {
      return calls;
    },
    undo: () => void Object.assign(table, real),
  };
}

/** An open file whose calls count. Closing always works, as it does on a full disk. */
function watched(
  handle: Record<string, Call>,
  counted: (call: Call, half?: (content: Uint8Array | string) => Promise<unknown>) => Call,
) {
  const writeHalf = (content: Uint8Array | string) => handle.writeFile(content.slice(0, content.length / 2));
  return {
    writeFile: counted((...args) => handle.writeFile(...args), writeHalf),
    // Waiting for the disk would make the tests slow; whether it was waited for does not show without a power cut.
    sync: counted(async () => {}),
    stat: counted(() => handle.stat()),
    read: counted((...args) => handle.read(...args)),
    close: () => handle.close(),
  };
}
