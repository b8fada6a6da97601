/** How fast one push endpoint is called: slow start, fewer at once after a failure. */
export interface PushPacing {
  /** How many requests may be under way at once. */
  window(): number;
  succeeded(): void;
  /** Returns how long to leave the endpoint alone, in ms. */
  failed(): number;
}

/** An endpoint that has shown nothing yet gets this many requests at once: a function instance that just started is not
 *  flooded. */
const initialWindow = 4;

/** The service grows the window to thousands. This one shares a machine with what it calls. */
const maxWindow = 64;

/** The service's push backoff: https://cloud.google.com/pubsub/docs/push#push_backoff */
const minPauseMs = 100;
const maxPauseMs = 60_000;

export function createPushPacing(): PushPacing {
  let window = initialWindow;
  let failuresInRow = 0;
  return {
    window: () => window,
    succeeded() {
      failuresInRow = 0;
      window = Math.min(maxWindow, window + 1);
    },
    failed() {
      failuresInRow += 1;
      window = Math.max(1, Math.floor(window / 2));
      return Math.min(maxPauseMs, minPauseMs * 2 ** (failuresInRow - 1));
    },
  };
}
