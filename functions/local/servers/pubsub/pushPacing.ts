/** How fast one push endpoint is called: slow start, fewer at once after a failure. */
export interface PushPacing {
  /** How many requests may be under way at once. */
  window(): number;
  succeeded(): void;
  /** Returns how long to leave the endpoint alone, in ms. */
  failed(): number;
}

/** An endpoint that has shown nothing yet gets this many requests at once: a function instance that just started is not flooded. */
const INITIAL_WINDOW = 4;

/** The service grows the window to thousands. This one shares a machine with what it calls. */
const MAX_WINDOW = 64;

/** The service's push backoff: https://cloud.google.com/pubsub/docs/push#push_backoff */
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 60_000;

export function createPushPacing(): PushPacing {
  let window = INITIAL_WINDOW;
  let failuresInRow = 0;
  return {
    window: () => window,
    succeeded() {
      failuresInRow = 0;
      window = Math.min(MAX_WINDOW, window + 1);
    },
    failed() {
      failuresInRow += 1;
      window = Math.max(1, Math.floor(window / 2));
      return Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** (failuresInRow - 1));
    },
  };
}
