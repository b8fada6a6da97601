/** How many pages may be in flight at once. Grows by one for every page that went through, halves when Firestore asks for less
 *  (additive increase, multiplicative decrease, as in TCP's congestion avoidance, RFC 5681). One per process, since the load is the database's. */
export interface Throttle {
  limit(): number;
  succeeded(): void;
  pushedBack(): void;
}

/** Where a process begins. Small, since many instances may begin at once. */
const initialLimit = 4;

/** More pages at once brought no more speed in `bench/delete`, only memory. */
const largestLimit = 16;

export function createThrottle(): Throttle {
  let limit = initialLimit;
  return {
    limit: () => Math.floor(limit),
    succeeded() {
      limit = Math.min(largestLimit, limit + 1 / limit);
    },
    pushedBack() {
      limit = Math.max(1, limit / 2);
    },
  };
}
