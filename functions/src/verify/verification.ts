import type { ReconcileJob } from '../reconcile/jobRecord.ts';

/** The part of a job that a verification keeps; changed in place as it goes on.
 *  @throws Error for a job of another type. */
export function verificationOf({ job }: { readonly job: ReconcileJob }): NonNullable<ReconcileJob['verification']> {
  if (job.verification === null) throw new Error(`${job.id} is no verification`);
  return job.verification;
}
