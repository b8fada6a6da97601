import type { EmulatedFunction } from './emulatedFunctions.ts';

/** What became of the invocations of a scheduled function. */
export interface Invocations {
  readonly answered: number;
  /** Status and text of those that failed. */
  readonly failures: readonly string[];
}

/** Cloud Scheduler's part, which the emulator leaves out: calls a function again and again, each time when the one before has ended. */
export function callOnSchedule(scheduled: EmulatedFunction): {
  invocations(): Invocations;
  stop(): Promise<void>;
} {
  const stopped = new AbortController();
  const failures: string[] = [];
  let answered = 0;
  async function loop(): Promise<void> {
    // One that fails is called no more: what it would have done is then missed, and says so.
    while (!stopped.signal.aborted && failures.length === 0) {
      const answer = await fetch(scheduled.url, { method: 'POST', signal: stopped.signal });
      const text = await answer.text();
      if (answer.ok) answered += 1;
      else failures.push(`${answer.status} ${text}`);
    }
  }
  const running = loop().catch((error: unknown) => {
    if (!stopped.signal.aborted) failures.push(String(error));
  });
  return {
    invocations: () => ({ answered, failures }),
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
