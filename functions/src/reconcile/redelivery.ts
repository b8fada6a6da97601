import type { Brake } from './brakes.ts';

/** What is looked at of the outcome of a run; `ReconcileOutcome` is one. */
type Outcome =
  | { readonly kind: 'done' | 'continued' }
  | { readonly kind: 'braked'; readonly brake: Pick<Brake, 'kind' | 'saw'> }
  | { readonly kind: 'busy'; readonly until: number };

/** Why a request has to come again after this outcome, or undefined when it is dealt with. Who asked because changes may have been missed relies on it: a
 *  request that meets a MongoDB which is away for a moment must not be the last one. Every other brake waits for a person. */
export function reasonToComeAgain(outcome: Outcome): string | undefined {
  if (outcome.kind === 'busy') {
    return `another reconciliation is at work until ${new Date(outcome.until).toISOString()} at least`;
  }
  if (outcome.kind === 'braked' && outcome.brake.kind === 'source-unreachable') return outcome.brake.saw;
  return undefined;
}
