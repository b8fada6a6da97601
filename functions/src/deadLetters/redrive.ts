import { type DocumentSnapshot, type Firestore, Timestamp } from 'firebase-admin/firestore';
import type { Transact } from '../audit/trace.ts';
import { type Clock, dayMs } from '../clock.ts';
import { recordCollections } from '../config/defineConfig.ts';
import { decodeEvent } from '../events/codec.ts';
import { textFromDocumentId } from '../records/documentIds.ts';
import { historyEntryRef } from '../records/historyEntry.ts';
import { type Failure, parseFailure } from './failure.ts';
import { originalOf } from './letter.ts';

/** Why a dead letter is not redriven.
 *  - `too-large`: only its beginning was kept.
 *  - `no-event`: the relay could not make an event of the change; what repairs that is the project itself, or a
 *    reconciliation.
 *  - `unreadable`: this version cannot read it either.
 *  - `already-redriven`: it was redriven, and has not failed since.
 *  - `dropped`: a person has dropped it. */
export const skipReasons = ['too-large', 'no-event', 'unreadable', 'already-redriven', 'dropped'] as const;
export type SkipReason = (typeof skipReasons)[number];

/** What became of one dead letter. */
export type Redrive = { readonly id: string; readonly failure: Failure | null } & (
  | { readonly kind: 'published'; readonly sequence: number | null }
  /** It would have been published, had this not been a rehearsal. */
  | { readonly kind: 'publishable' }
  | { readonly kind: 'skipped'; readonly reason: SkipReason }
  /** It is as it was, or its message waits in the outbox: `error` says why. */
  | { readonly kind: 'failed'; readonly error: unknown }
);

export interface RedriveOptions {
  /** Also redrive what this version cannot read: it will fail again, unless the deployed functions are newer. */
  readonly includeUnreadable: boolean;
  /** Report what would be done, and do nothing. */
  readonly dryRun: boolean;
}

export interface RedriveDependencies {
  readonly firestore: Firestore;
  readonly clock: Clock;
  /** Leaves the trace of each, and publishes its message. */
  readonly transact: Transact;
  /** How long a redriven dead letter is kept, in ms. Default: 90 days. */
  readonly retentionMs?: number;
  /** Dead letters in one page. */
  readonly pageSize?: number;
}

/** How many dead letters were redriven and have not failed since. One read per thousand. */
export async function countRedriven(firestore: Firestore): Promise<number> {
  const counted = await firestore
    .collection(recordCollections.failures)
    .where('status', '==', 'redriven')
    .count()
    .get();
  return counted.data().count;
}

/** Redrives a dead letter: in one transaction it is marked, its message is put into the outbox, and that is noted. A
 *  crash after it publishes the message later, or twice, which does no harm: an event that was applied is a duplicate.
 *  Never rejects. */
export async function redrive(
  { firestore, clock, transact, retentionMs = 90 * dayMs }: RedriveDependencies,
  snapshot: DocumentSnapshot,
  options: RedriveOptions,
): Promise<Redrive> {
  const id = textFromDocumentId(snapshot.id);
  let failure: Failure | null = null;
  try {
    failure = parseFailure(id, snapshot.data());
    const reason = reasonToSkip(failure, options);
    if (reason !== undefined) return { id, failure, kind: 'skipped', reason };
    if (options.dryRun) return { id, failure, kind: 'publishable' };
    const { value, sequence, unpublished } = await transact(async (transaction, trace) => {
      const now = parseFailure(id, (await transaction.get(snapshot.ref)).data());
      const skipped = reasonToSkip(now, options);
      if (skipped !== undefined || now.message === null) return skipped ?? 'too-large';
      const history = await transaction.get(historyEntryRef(firestore, id));
      // Its project may have been brought in step since.
      if (history.get('outcome') === 'dead-lettered') transaction.update(history.ref, { outcome: 'redriven' });
      transaction.update(snapshot.ref, {
        status: 'redriven',
        redrivenAt: Timestamp.fromMillis(clock.now()),
        expireAt: Timestamp.fromMillis(clock.now() + retentionMs),
      });
      trace.record({
        target: `dead letter ${id}`,
        before: { status: now.status, reason: now.reason, error: now.error, times: now.times },
        after: { status: 'redriven' },
        result: 'redriven',
      });
      // It may become a dead letter again, and be redriven once more: another message.
      trace.publish('events', `redrive-${id}-${now.times}`, originalOf(now.message));
      return undefined;
    });
    if (value !== undefined) return { id, failure, kind: 'skipped', reason: value };
    if (unpublished !== undefined) return { id, failure, kind: 'failed', error: unpublished };
    return { id, failure, kind: 'published', sequence };
  } catch (error) {
    return { id, failure, kind: 'failed', error };
  }
}

function reasonToSkip(failure: Failure, { includeUnreadable }: RedriveOptions): SkipReason | undefined {
  const { message, status } = failure;
  if (status === 'redriven') return 'already-redriven';
  if (status === 'dropped') return 'dropped';
  if (message === null) return 'too-large';
  if (message.attributes.source === 'relay') return 'no-event';
  if (!includeUnreadable && !decodeEvent(message.data).ok) return 'unreadable';
  return undefined;
}
