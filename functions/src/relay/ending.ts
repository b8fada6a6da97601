import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.ts';

/** Why a run of the relay ends. */
export type End =
  | { readonly kind: 'budget-spent' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'lease-lost'; readonly takenBy: string | null }
  | { readonly kind: 'failed'; readonly error: unknown };

/** The end of a run: the first reason counts. */
export interface Ending {
  /** Aborted as soon as there is a reason to end: no more reading. */
  readonly signal: AbortSignal;
  end(why: End): void;
  why(): End | undefined;
  /** Forgets the timer and the listener. */
  dispose(): void;
}

/** Ends by itself when the budget (ms from now; undefined: none) is spent, or when `signal` is aborted. */
export function createEnding(clock: Clock, budgetMs: number | undefined, signal: AbortSignal): Ending {
  const controller = new AbortController();
  // Every change on its way may listen to it.
  setMaxListeners(0, controller.signal);
  let reason: End | undefined;
  const end = (why: End) => {
    reason ??= why;
    controller.abort();
  };
  const onStop = () => end({ kind: 'stopped' });
  const cancelBudget = budgetMs === undefined ? undefined : clock.after(budgetMs, () => end({ kind: 'budget-spent' }));
  if (signal.aborted) onStop();
  else signal.addEventListener('abort', onStop, { once: true });
  return {
    signal: controller.signal,
    end,
    why: () => reason,
    dispose() {
      cancelBudget?.();
      signal.removeEventListener('abort', onStop);
    },
  };
}
