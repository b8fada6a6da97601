/** How many pages may be in flight at once: grows by one for every limit's worth of pages that went through, halves
 *  when Firestore asks for less (additive increase, multiplicative decrease, as in TCP's congestion avoidance, RFC
 *  5681). One per process, shared by all its projects, since the load is the database's. */
export interface Throttle {
  /** Takes a place; while all are taken, waits for one, first come first served. */
  enter(): Promise<void>;
  leave(): void;
  /** Places that are free now. */
  free(): number;
  succeeded(): void;
  pushedBack(): void;
}

export interface ThrottleOptions {
  /** Where a process begins. Small, since many instances may begin at once. */
  readonly initial?: number;
  /** More pages at once brought no more speed in `bench/delete`, only memory. */
  readonly most?: number;
}

export function createThrottle({ initial = 4, most = 16 }: ThrottleOptions = {}): Throttle {
  let limit = Math.min(initial, most);
  let taken = 0;
  const waiting: (() => void)[] = [];
  const free = () => Math.floor(limit) - taken;
  function admit(): void {
    while (free() > 0) {
      const begin = waiting.shift();
      if (begin === undefined) return;
      taken += 1;
      begin();
    }
  }
  return {
    enter: () =>
      new Promise((begin) => {
        waiting.push(begin);
        admit();
      }),
    leave() {
      taken -= 1;
      admit();
    },
    free,
    succeeded() {
      limit = Math.min(most, limit + 1 / limit);
      admit();
    },
    pushedBack() {
      limit = Math.max(1, limit / 2);
    },
  };
}
