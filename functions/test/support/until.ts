import { setTimeout as pause } from 'node:timers/promises';

/** How long a test waits for something that should happen at once, in ms: only a defect takes longer. */
const patienceMs = 10_000;

/** Pauses between two looks, in ms: what happens at once is seen at once, and a long wait leaves the machine to those
 *  who work. */
const firstPauseMs = 1;
const mostPauseMs = 10;

/** Resolves when `holds` does. @throws Error that names `what` when it does not within `withinMs`. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what = String(holds),
  withinMs = patienceMs,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (let pauseMs = firstPauseMs; !(await holds()); pauseMs = Math.min(mostPauseMs, pauseMs + 1)) {
    if (performance.now() > deadline) throw new Error(`${what}: still not so after ${withinMs} ms`);
    await pause(pauseMs);
  }
}

/** Lets everything happen in this process that needs neither time nor answers: what is unchanged then was not about to
 *  change. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
