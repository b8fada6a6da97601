import { acknowledgeAlerts, closeAlerts } from './alerts.ts';
import { restore } from './archive.ts';
import { dropDeadLetters, redriveDeadLetters } from './deadLetters.ts';
import { discardHolds, releaseHolds } from './holds.ts';
import type { Operation } from './operation.ts';
import { pause, resume } from './pauses.ts';
import { cancelReconciliation, reconcile } from './reconcile.ts';
import { rewind } from './rewind.ts';
import { verify } from './verify.ts';
import { whatIf } from './whatIf.ts';

/** Everything that people can do, by name: the API, the page and the command line offer the same. */
export const operations: readonly Operation[] = [
  pause,
  resume,
  releaseHolds,
  discardHolds,
  redriveDeadLetters,
  dropDeadLetters,
  reconcile,
  cancelReconciliation,
  verify,
  whatIf,
  rewind,
  restore,
  acknowledgeAlerts,
  closeAlerts,
];

/** An operation by its name; undefined when there is none. */
export function operationNamed(name: string): Operation | undefined {
  return operations.find((operation) => operation.name === name);
}
