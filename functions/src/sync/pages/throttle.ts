/** How many pages may be in flight at once: grows by one for every limit's worth of pages that went through, halves
 *  when Firestore asks for less (additive increase, multiplicative decrease, as in TCP's congestion avoidance, RFC
 *  5681). One per process, shared by all its projects, since the load is the database's. */
export interface Throttle {
  /** Takes a place, or several; while these are taken, waits for them, first come first served. Where fewer are allowed
   *  in all, it waits for all of them. */
  enter(places?: number): Promise<void>;
  /** Gives as many places back as were asked for. */
  leave(places?: number): void;
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
  const waiting: { readonly places: number; readonly begin: () => void }[] = [];
  const free = () => Math.floor(limit) - taken;
  function admit(): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (free() < Math.min(next.places, Math.floor(limit))) return;
      taken += next.places;
      waiting.shift();
      next.begin();
    }
  }
  return {
    enter: (places = 1) =>
      new Promise((begin) => {
        waiting.push({ places, begin });
        admit();
      }),
    leave(places = 1) {
      taken -= places;
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
