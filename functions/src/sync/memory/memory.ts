import { getHeapStatistics } from 'node:v8';

/** Bytes that work in this process may hold at once. */
export interface Memory {
  /** Takes so many; while others hold them, waits, first come first served. Who wants more than there are in all gets
   *  them when nobody else holds any.
   *  @throws the signal's reason, when it is aborted while it waits */
  enter(bytes: number, signal?: AbortSignal): Promise<Share>;
}

/** What one piece of work holds of the memory. */
export interface Share {
  /** Corrects how many bytes these are, now that they are known better. It never waits: those who come later do. */
  resize(bytes: number): void;
  /** Gives all of them back. */
  release(): void;
}

/** Whole bytes only: a sum of fractions would not come back to nothing. */
export function createMemory(most: number): Memory {
  let taken = 0;
  const waiting: { readonly bytes: number; readonly begin: (share: Share) => void }[] = [];
  function admit(): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (taken > 0 && taken + next.bytes > most) return;
      waiting.shift();
      next.begin(shareOf(next.bytes));
    }
  }
  function shareOf(bytes: number): Share {
    let held = bytes;
    taken += held;
    const resize = (to: number) => {
      taken += to - held;
      held = to;
      admit();
    };
    return { resize, release: () => resize(0) };
  }
  return {
    enter: (bytes, signal) =>
      new Promise((resolve, reject) => {
        const onAbort = () => {
          waiting.splice(waiting.indexOf(entry), 1);
          reject(signal?.reason);
          admit();
        };
        const begin = (share: Share) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(share);
        };
        const entry = { bytes, begin };
        if (signal?.aborted) return reject(signal.reason);
        signal?.addEventListener('abort', onAbort, { once: true });
        waiting.push(entry);
        admit();
      }),
  };
}

/** The memory that work on events shares in this process. Events hold theirs while they wait for that of a page, so a
 *  page never waits for what an event holds. */
export interface SyncMemory {
  readonly events: Memory;
  readonly pages: Memory;
}

/** Shares of V8's heap, which is half of the memory that a container has. The rest of the heap is for code, clients,
 *  and garbage that is not collected yet; the rest of the container for what is on its way from and to the network. */
export function createSyncMemory(heapBytes = getHeapStatistics().heap_size_limit): SyncMemory {
  return { events: createMemory(Math.floor(heapBytes / 8)), pages: createMemory(Math.floor((heapBytes * 3) / 8)) };
}
