import { type ReconcileOutcome, type ReconcileTask, runReconciliation } from '../reconcile/run.ts';
import type { PassEnd, ReconcileDependencies, Run } from '../reconcile/runRecord.ts';
import { samplePass } from './samples.ts';
import { secondLooks } from './secondLook.ts';

/** Projects that a verification reads whole, when nobody says how many. */
export const defaultSamples = 20;

/** Compares all assets with the projects in MongoDB, changes nothing, and is sure of what it says: what differs is
 *  looked at twice, and some projects are read whole, in another way than the scan reads. It is a run of
 *  reconciliation with the same lease, so that it waits for its turn.
 *  @throws as `runReconciliation`. */
export function runVerification(dependencies: ReconcileDependencies, task: ReconcileTask): Promise<ReconcileOutcome> {
  return runReconciliation({ ...dependencies, verify: verifyPass }, task);
}

/** What a run in mode `verify` does after its scan. */
export async function verifyPass(run: Run): Promise<PassEnd> {
  const looked = await secondLooks(run);
  return looked.kind === 'complete' ? samplePass(run, run.request.samples ?? defaultSamples) : looked;
}
