import type { Clock } from '../clock.ts';

/** Keeps the last result of a question for a while, so that several callers of one instance cost what one costs.
 *  Callers at the same moment share one question; what failed is not kept. */
export function recent<Result>(clock: Clock, keptMs: number, ask: () => Promise<Result>): () => Promise<Result> {
  let last: { readonly at: number; readonly result: Promise<Result> } | undefined;
  return () => {
    if (last !== undefined && clock.now() - last.at < keptMs) return last.result;
    const asked = { at: clock.now(), result: ask() };
    last = asked;
    asked.result.catch(() => {
      if (last === asked) last = undefined;
    });
    return asked.result;
  };
}
