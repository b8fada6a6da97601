import { sleep, systemClock } from '../../src/clock.ts';

/** Pause after a call that failed, in ms. */
const pauseMs = 1_000;

/** Cloud Scheduler's part, which the CLI's emulators leave out: calls a function again and again, each time when the
 *  call before has ended. `onEnd` is called after each, with status and text of one that failed. */
export function callOnSchedule(url: string, onEnd: (failure: string | undefined) => void): () => Promise<void> {
  const stopped = new AbortController();
  const { signal } = stopped;
  const call = async () => {
    const answer = await fetch(url, { method: 'POST', signal });
    const text = await answer.text();
    return answer.ok ? undefined : `${answer.status} ${text}`;
  };
  async function loop(): Promise<void> {
    while (!signal.aborted) {
      const failure = await call().catch((error: unknown) => String(error));
      if (signal.aborted) return;
      onEnd(failure);
      if (failure !== undefined) await sleep(systemClock, pauseMs, signal).catch(() => undefined);
    }
  }
  const running = loop();
  return () => {
    stopped.abort();
    return running;
  };
}
