import { type DocumentSnapshot, FieldPath, type Firestore, Timestamp } from 'firebase-admin/firestore';
import { type Clock, dayMs } from '../clock.ts';
import { recordCollections } from '../config/defineConfig.ts';
import { decodeEvent } from '../events/codec.ts';
import type { Publisher } from '../publisher.ts';
import { textFromDocumentId } from '../records/documentIds.ts';
import { type Failure, failureRef, parseFailure } from './failure.ts';
import { originalOf } from './letter.ts';

/** Why a dead letter is not redriven.
 *  - `too-large`: only its beginning was kept.
 *  - `no-event`: the relay could not make an event of the change; what repairs that is the project itself, or a
 *    reconciliation.
 *  - `unreadable`: this version cannot read it either.
 *  - `already-redriven`: it was redriven, and has not failed since. */
export type SkipReason = 'too-large' | 'no-event' | 'unreadable' | 'already-redriven';

/** What became of one dead letter. */
export type Redrive = { readonly id: string; readonly failure: Failure | null } & (
  | { readonly kind: 'published' }
  /** It would have been published, had this not been a rehearsal. */
  | { readonly kind: 'publishable' }
  | { readonly kind: 'skipped'; readonly reason: SkipReason }
  /** It stays as it is, and can be redriven. */
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
  /** Topic of events. */
  readonly events: Publisher;
  readonly clock: Clock;
  /** How long a redriven dead letter is kept, in ms. Default: 90 days. */
  readonly retentionMs?: number;
  /** Dead letters in one page. */
  readonly pageSize?: number;
}

/** Dead letters in memory at once; each may hold half a MiB. They are redriven side by side. */
const defaultPageSize = 32;

/** Redrives every dead letter that has not been, in the order of their ids, page by page.
 *  @throws what Firestore answered to the listing. */
export async function* redriveAll(
  dependencies: RedriveDependencies,
  options: RedriveOptions,
): AsyncGenerator<readonly Redrive[]> {
  const { firestore, pageSize = defaultPageSize } = dependencies;
  const query = firestore
    .collection(recordCollections.failures)
    .where('status', '==', 'dead')
    .orderBy(FieldPath.documentId())
    .limit(pageSize);
  let last: DocumentSnapshot | undefined;
  do {
    const page = await (last === undefined ? query : query.startAfter(last)).get();
    // What fails again meanwhile returns under the same id, which lies behind: every letter is redriven once, and this
    // ends.
    yield await Promise.all(page.docs.map((snapshot) => redrive(dependencies, snapshot, options)));
    last = page.size === pageSize ? page.docs.at(-1) : undefined;
  } while (last !== undefined);
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

/** Redrives one dead letter; undefined when there is none. `id` is the event's, or that of the document which keeps it.
 *  It was named, so it is redriven even if this version cannot read it. */
export async function redriveOne(
  dependencies: RedriveDependencies,
  id: string,
  options: Pick<RedriveOptions, 'dryRun'>,
): Promise<Redrive | undefined> {
  for (const candidate of idsMeantBy(id)) {
    const snapshot = await failureRef(dependencies.firestore, candidate).get();
    if (snapshot.exists) return redrive(dependencies, snapshot, { ...options, includeUnreadable: true });
  }
  return undefined;
}

/** First it is published, then marked: a crash in between leaves it `dead`, and the next redrive publishes it twice,
 *  which does no harm, since an event that has been applied is a duplicate. The other way round it would be lost. */
async function redrive(
  { firestore, events, clock, retentionMs = 90 * dayMs }: RedriveDependencies,
  snapshot: DocumentSnapshot,
  options: RedriveOptions,
): Promise<Redrive> {
  const id = textFromDocumentId(snapshot.id);
  let failure: Failure | null = null;
  try {
    failure = parseFailure(id, snapshot.data());
    const { message, times } = failure;
    const reason = reasonToSkip(failure, options);
    if (reason !== undefined || message === null)
      return { id, failure, kind: 'skipped', reason: reason ?? 'too-large' };
    if (options.dryRun) return { id, failure, kind: 'publishable' };
    await events.publish(originalOf(message));
    await firestore.runTransaction(async (transaction) => {
      const now = parseFailure(id, (await transaction.get(snapshot.ref)).data());
      // It may have failed once more already; then it is dead again.
      if (now.times !== times) return;
      transaction.update(snapshot.ref, {
        status: 'redriven',
        redrivenAt: Timestamp.fromMillis(clock.now()),
        expireAt: Timestamp.fromMillis(clock.now() + retentionMs),
      });
    });
    return { id, failure, kind: 'published' };
  } catch (error) {
    return { id, failure, kind: 'failed', error };
  }
}

function reasonToSkip(failure: Failure, { includeUnreadable }: RedriveOptions): SkipReason | undefined {
  const { message, status } = failure;
  if (status === 'redriven') return 'already-redriven';
  if (message === null) return 'too-large';
  if (message.attributes.source === 'relay') return 'no-event';
  if (!includeUnreadable && !decodeEvent(message.data).ok) return 'unreadable';
  return undefined;
}

function idsMeantBy(id: string): readonly string[] {
  try {
    return [...new Set([id, textFromDocumentId(id)])];
  } catch (error) {
    // A percent sign that begins no escape: then it is no document id of ours.
    if (error instanceof URIError) return [id];
    throw error;
  }
}
