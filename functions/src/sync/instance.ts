/** What an instance of the functions has that apply events.
 *
 *  80 events at once, since nearly all of an event's time is waiting for Firestore: how many a processor serves is seen
 *  only when it never waits with them (`bench -- run backlog`). What they hold in memory is bounded by its bytes (see
 *  `memory/memory.ts`), and pages in flight by their number (see `pages/throttle.ts`), however many events there are
 *  (`bench -- run scale`). */
export const syncInstance = { memory: '512MiB', cpu: 1, concurrency: 80 } as const;

/** The same memory as a number. */
export const syncInstanceMiB = Number.parseInt(syncInstance.memory, 10);
