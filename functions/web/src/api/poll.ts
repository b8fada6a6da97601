/** How long after an answer a view is asked for again, in ms: what others change appears within 5 s. */
export const pollMs = 3_500;

/** Calls `ask` now, `pollMs` after each answer, and when `changes` says that something changed; not while nobody sees
 *  the page. */
export function poll(ask: () => Promise<void>, changes: EventTarget, signal: AbortSignal): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAsking = false;
  let askAgain = false;
  const run = async (): Promise<void> => {
    clearTimeout(timer);
    if (signal.aborted || document.hidden) return;
    if (isAsking) {
      askAgain = true;
      return;
    }
    isAsking = true;
    await ask();
    isAsking = false;
    if (askAgain) {
      askAgain = false;
      void run();
    } else if (!signal.aborted) {
      timer = setTimeout(() => void run(), pollMs);
    }
  };
  const onChange = () => void run();
  changes.addEventListener('change', onChange, { signal });
  document.addEventListener('visibilitychange', onChange, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer));
  void run();
}
