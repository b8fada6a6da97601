/** Resolves when `condition` holds; looks again after every turn of the event loop. Mocha's timeout ends a wasted
 *  wait. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Lets everything that is due in this process happen: what a test then sees unchanged was not about to change. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
