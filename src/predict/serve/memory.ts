/** How many bytes of images are in memory: those that come in, and those that have come and are not decoded yet. */

/** The bytes of one request. */
export interface Body {
  /** Counts bytes that have come; false where there is no room for them. */
  add(bytes: number): boolean;
  /** Called when others need its room, since nothing came for a while. */
  onEvict(listener: () => void): void;
  /** Says that all of it has come: it keeps its room. */
  complete(): void;
  /** Gives its room back. */
  close(): void;
}

/** Milliseconds without a byte after which a body makes room for another. */
const STALLED = 1000;

/**
 * Bounds the bytes of all bodies together. Only bytes that have come count, and a body that has stalled gives way to one
 * that comes in, so that connections which announce much and send little lock nobody out.
 */
export function createBodyMemory(maxBytes: number, now = () => performance.now()): { open(): Body } {
  interface Incoming {
    close(): void;
    evict(): void;
    last: number;
  }
  let total = 0;
  /** In the order of the last byte that came. */
  const incoming = new Set<Incoming>();

  const makeRoom = (bytes: number, own: Incoming): boolean => {
    while (total + bytes > maxBytes) {
      const [stalest] = incoming;
      if (stalest === undefined || stalest === own || now() - stalest.last < STALLED) return false;
      stalest.close();
      stalest.evict();
    }
    return true;
  };

  return {
    open() {
      let size = 0;
      const own: Incoming = {
        last: now(),
        evict: () => {},
        close() {
          incoming.delete(own);
          total -= size;
          size = 0;
        },
      };
      incoming.add(own);
      return {
        add(bytes) {
          own.last = now();
          incoming.delete(own);
          incoming.add(own);
          if (!makeRoom(bytes, own)) return false;
          total += bytes;
          size += bytes;
          return true;
        },
        onEvict(listener) {
          own.evict = listener;
        },
        complete: () => void incoming.delete(own),
        close: own.close,
      };
    },
  };
}
