/** What is to happen, earliest first; what is to happen at the same time, in the order in which it was added. */
export interface EventQueue<T> {
  add(atMs: number, event: T): void;
  next(): { readonly atMs: number; readonly event: T } | undefined;
}

interface Entry<T> {
  readonly atMs: number;
  readonly order: number;
  readonly event: T;
}

/** A binary heap. */
export function createEventQueue<T>(): EventQueue<T> {
  const heap: Entry<T>[] = [];
  let order = 0;
  const isBefore = (a: Entry<T>, b: Entry<T>) => (a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs);
  /** Whether they had to be exchanged. */
  function exchange(upper: number, lower: number): boolean {
    const [above, below] = [heap[upper], heap[lower]];
    if (above === undefined || below === undefined || !isBefore(below, above)) return false;
    heap[upper] = below;
    heap[lower] = above;
    return true;
  }
  return {
    add(atMs, event) {
      heap.push({ atMs, order, event });
      order += 1;
      for (let at = heap.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1;
        if (!exchange(parent, at)) break;
        at = parent;
      }
    },
    next() {
      const [first] = heap;
      const last = heap.pop();
      if (first === undefined || last === undefined) return undefined;
      if (heap.length > 0) heap[0] = last;
      for (let at = 0; ; ) {
        const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
        if (left === undefined) return first;
        const smaller = right !== undefined && isBefore(right, left) ? 2 * at + 2 : 2 * at + 1;
        if (!exchange(at, smaller)) return first;
        at = smaller;
      }
    },
  };
}
