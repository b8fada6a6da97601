import type { ProjectEvent } from '../events/contract.ts';

/** What applying an event came to, as far as reconciliation has to know. */
export type ApplyOutcome =
  | { readonly kind: 'applied'; readonly processed: number }
  /** The assets show it already. */
  | { readonly kind: 'duplicate' }
  /** Another worker is on this project; it converges it. */
  | { readonly kind: 'deferred' }
  /** The time was used up; the rest is on its way as a message. */
  | { readonly kind: 'continued'; readonly processed: number }
  /** A last look at MongoDB right before deleting found the project alive: nothing was deleted. */
  | { readonly kind: 'contradicted' }
  /** The hold for mass deletions keeps it. */
  | { readonly kind: 'held' }
  /** It failed too often. */
  | { readonly kind: 'exhausted'; readonly attempts: number; readonly lastError: string | null };

/** Mends the assets of one project: the same code that applies events, which `SyncWorker` satisfies. */
export interface Applier {
  apply(
    event: ProjectEvent,
    options: {
      /** Go over the assets even if the event tells nothing new. */
      readonly force: true;
      /** Assets that were created later (ms since 1970) are left alone. */
      readonly createdBefore?: number;
      readonly deadline: number;
      readonly signal: AbortSignal;
    },
  ): Promise<ApplyOutcome>;
}
