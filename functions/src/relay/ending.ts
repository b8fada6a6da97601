import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.ts';

/** Why a run of the relay ends. */
export type End =
  | { readonly kind: 'budget-spent' }
  | { readonly kind: 'stopped' }
  /** A person has paused the relay. */
  | { readonly kind: 'paused'; readonly by: string }
  | { readonly kind: 'lease-lost'; readonly takenBy: string | null }
  /** MongoDB has not answered for too long (`error` says how); another relay may have more luck. */
  | { readonly kind: 'stalled'; readonly error: unknown }
  | { readonly kind: 'failed'; readonly error: unknown };

/** The end of a run: the first reason counts. */
export interface Ending {
  /** Aborted as soon as there is a reason to end: no more reading. */
  readonly signal: AbortSignal;
  end(why: End): void;
  why(): End | undefined;
  /** Whether the budget is spent, and the run goes on only for the first answer of MongoDB. */
  isOverdue(): boolean;
  /** Waits for MongoDB's first answer on a stream: while it does, a spent budget does not end the run, but `latestMs`
   *  does. Otherwise a run that is always too short would begin at the same place for ever. */
  awaitingAnswer<T>(wait: () => Promise<T>): Promise<T>;
  /** Forgets the timers and the listener. */
  dispose(): void;
}

export interface Budget {
  /** How long the run may take, in ms from now; undefined: until the signal. */
  readonly budgetMs: number | undefined;
  /** How long it may take at the very most, in ms from now; undefined: no longer than the budget. */
  readonly latestMs: number | undefined;
}

/** Ends by itself when the budget is spent, or when `signal` is aborted. */
export function createEnding(clock: Clock, { budgetMs, latestMs }: Budget, signal: AbortSignal): Ending {
  const controller = new AbortController();
  // Every change on its way may listen to it.
  setMaxListeners(0, controller.signal);
  let reason: End | undefined;
  let isWaiting = false;
  let isOverdue = false;
  const end = (why: End) => {
    reason ??= why;
    controller.abort();
  };
  const spent = () => end({ kind: 'budget-spent' });
  const onStop = () => end({ kind: 'stopped' });
  const onBudget = () => {
    isOverdue = true;
    if (!isWaiting || latestMs === undefined) spent();
  };
  const cancelBudget = budgetMs === undefined ? undefined : clock.after(budgetMs, onBudget);
  const cancelLatest = latestMs === undefined ? undefined : clock.after(latestMs, spent);
  if (signal.aborted) onStop();
  else signal.addEventListener('abort', onStop, { once: true });
  return {
    signal: controller.signal,
    end,
    why: () => reason,
    isOverdue: () => isOverdue,
    async awaitingAnswer(wait) {
      isWaiting = true;
      try {
        return await wait();
      } catch (error) {
        if (isOverdue) spent();
        throw error;
      } finally {
        isWaiting = false;
      }
    },
    dispose() {
      cancelBudget?.();
      cancelLatest?.();
      signal.removeEventListener('abort', onStop);
    },
  };
}
