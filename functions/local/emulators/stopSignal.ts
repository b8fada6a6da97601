/** The same Ctrl-C reaches a program from the terminal and from the one in front of it: what comes within this time, in
 *  ms, is one. */
const sameSignalMs = 500;

/** Aborted by the first SIGINT, SIGTERM or SIGHUP, after which the program takes down what it started; another one ends
 *  it at once. */
export function createStopSignal(): { readonly signal: AbortSignal } {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const onSignal = () => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      controller.abort(new Error('stopped by a signal'));
    } else if (performance.now() - firstAt > sameSignalMs) {
      process.exit(1);
    }
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  return { signal: controller.signal };
}
