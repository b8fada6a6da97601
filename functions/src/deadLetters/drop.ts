import { type DocumentSnapshot, Timestamp } from 'firebase-admin/firestore';
import { dayMs } from '../clock.ts';
import { textFromDocumentId } from '../records/documentIds.ts';
import { type Failure, parseFailure } from './failure.ts';
import type { RedriveDependencies, RedriveOptions } from './redrive.ts';

/** What became of a dead letter that was to be dropped. */
export type Drop = { readonly id: string; readonly failure: Failure | null } & (
  | { readonly kind: 'dropped'; readonly sequence: number | null }
  /** It would have been dropped, had this not been a rehearsal. */
  | { readonly kind: 'droppable' }
  /** It does not wait for a decision (`status` says what became of it). */
  | { readonly kind: 'skipped'; readonly status: Failure['status'] }
  | { readonly kind: 'failed'; readonly error: unknown }
);

/** Drops a dead letter: a person has decided that its change is not to be applied. It is kept for a while, and a new
 *  failure of the same event makes it a dead letter again. Never rejects. */
export async function drop(
  { clock, transact, retentionMs = 90 * dayMs }: RedriveDependencies,
  snapshot: DocumentSnapshot,
  { dryRun }: Pick<RedriveOptions, 'dryRun'>,
): Promise<Drop> {
  const id = textFromDocumentId(snapshot.id);
  let failure: Failure | null = null;
  try {
    failure = parseFailure(id, snapshot.data());
    if (dryRun) {
      const { status } = failure;
      return status === 'dead' ? { id, failure, kind: 'droppable' } : { id, failure, kind: 'skipped', status };
    }
    const { value, sequence } = await transact(async (transaction, trace) => {
      const now = parseFailure(id, (await transaction.get(snapshot.ref)).data());
      if (now.status !== 'dead') return now.status;
      transaction.update(snapshot.ref, {
        status: 'dropped',
        droppedAt: Timestamp.fromMillis(clock.now()),
        expireAt: Timestamp.fromMillis(clock.now() + retentionMs),
      });
      trace.record({
        target: `dead letter ${id}`,
        before: { status: now.status, reason: now.reason, error: now.error, times: now.times },
        after: { status: 'dropped' },
        result: 'dropped',
      });
      return undefined;
    });
    return value === undefined
      ? { id, failure, kind: 'dropped', sequence }
      : { id, failure, kind: 'skipped', status: value };
  } catch (error) {
    return { id, failure, kind: 'failed', error };
  }
}
