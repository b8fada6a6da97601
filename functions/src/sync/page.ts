import {
  FieldPath,
  type Firestore,
  type Query,
  type QueryDocumentSnapshot,
  type Transaction,
} from 'firebase-admin/firestore';
import type { AssetCollection } from '../config/defineConfig.ts';
import { fieldPathOf } from '../records/fieldPath.ts';
import {
  type KeyRange,
  type ProjectRecord,
  parseProjectRecord,
  projectRecordData,
  projectRecordRef,
  type WorkLease,
} from '../records/projectRecord.ts';
import { showsValue, wantedCopies } from './copyUpdates.ts';
import { descendantsOf } from './descendants.ts';

/** Assets in one page, which is one transaction. A commit may have 10 MiB and last 270 s (https://firebase.google.com/docs/firestore/quotas);
 *  what bounds it in practice is that other writers of these assets wait for it. */
export const assetsPerPage = 1_000;

/** Assets in one page when what lies below them is deleted with them: their descendants share the transaction. */
export const assetsPerRecursivePage = 40;

/** Documents below assets that one page deletes at most. */
const descendantsPerPage = 400;

/** The work that pages belong to. */
export interface PageContext {
  readonly firestore: Firestore;
  /** The record as it was when the work was planned: pages stop as soon as its revision or its lease is another. */
  readonly record: ProjectRecord;
  readonly lease: WorkLease;
  /** Assets that were created later (ms since 1970) are left alone. */
  readonly createdBefore?: number | undefined;
  /** How much of a usual page a page may hold, above 0 and up to 1: less where Firestore has called a transaction too big. */
  readonly pageShare: number;
}

/** What one page did. `rest` is what is left of its range, null when the range is done; `begun` if this page also deletes something of the rest. */
export type PageOutcome =
  | { readonly kind: 'done'; readonly processed: number; readonly rest: KeyRange | null; readonly begun?: true }
  | { readonly kind: 'superseded' }
  | { readonly kind: 'lost' };

/** Brings one page of assets to the desired state, in one transaction that also reads the project record: so a worker that lost its lease
 *  writes nothing, newer knowledge stops older work at the next page, and an asset is touched only in the state in which it was seen here.
 *  `renewUntil` also extends the lease, in the same transaction. `onRead` is told what this page leaves of the range as soon as that is known,
 *  before the page is committed: so the next page can be read meanwhile. It is not told of a rest that this page has begun with. */
export function runPage(
  context: PageContext,
  collection: AssetCollection,
  range: KeyRange,
  renewUntil: number | undefined,
  onRead: (rest: KeyRange) => void,
): Promise<PageOutcome> {
  const { firestore, record, lease } = context;
  const recordRef = projectRecordRef(firestore, record.projectId);
  return firestore.runTransaction(
    async (transaction): Promise<PageOutcome> => {
      const current = parseProjectRecord(record.projectId, (await transaction.get(recordRef)).data());
      if (current.lease?.holder !== lease.holder) return { kind: 'lost' };
      if (current.revision !== record.revision) return { kind: 'superseded' };
      const outcome = await (record.desired.kind === 'deleted'
        ? deletePage(context, transaction, collection, range)
        : updatePage(context, transaction, collection, range));
      if (renewUntil !== undefined) {
        transaction.set(recordRef, projectRecordData({ ...current, lease: { ...lease, expiresAt: renewUntil } }));
      }
      if (outcome.kind === 'done' && outcome.rest !== null && !outcome.begun) onRead(outcome.rest);
      return outcome;
    },
    // Retries belong to the caller, whose backoff knows the budget of the invocation.
    { maxAttempts: 1 },
  );
}

/** A share of a number of documents; never none. */
function shareOf(documents: number, { pageShare }: PageContext): number {
  return Math.max(1, Math.floor(documents * pageShare));
}

/** The assets of a project in one collection, by key. */
export function assetsOf(firestore: Firestore, collection: AssetCollection, projectId: string): Query {
  const all =
    collection.kind === 'group' ? firestore.collectionGroup(collection.name) : firestore.collection(collection.name);
  return all.where(fieldPathOf(collection.projectId), '==', projectId);
}

async function readPage(
  context: PageContext,
  transaction: Transaction,
  collection: AssetCollection,
  range: KeyRange,
  fields: readonly FieldPath[],
  limit: number,
): Promise<{ readonly documents: readonly QueryDocumentSnapshot[]; readonly full: boolean }> {
  const { firestore, record } = context;
  let query = assetsOf(firestore, collection, record.projectId).orderBy(FieldPath.documentId());
  if (range.after !== null) query = query.startAfter(firestore.doc(range.after));
  if (range.before !== null) query = query.endBefore(firestore.doc(range.before));
  const page = await transaction.get(
    query.select(...(fields.length > 0 ? fields : [FieldPath.documentId()])).limit(limit),
  );
  return { documents: page.docs, full: page.size === limit };
}

async function updatePage(
  context: PageContext,
  transaction: Transaction,
  collection: AssetCollection,
  range: KeyRange,
): Promise<PageOutcome> {
  const wanted = wantedCopies(collection, context.record.desired);
  const page = await readPage(
    context,
    transaction,
    collection,
    range,
    wanted.map((copy) => copy.path),
    shareOf(assetsPerPage, context),
  );
  let processed = 0;
  for (const asset of page.documents) {
    const [first, ...others] = wanted.filter((copy) => !showsValue(asset.get(copy.path), copy.value));
    if (first === undefined) continue;
    // An update, never a set: it fails on a document that is gone, so nothing comes back to life.
    transaction.update(asset.ref, first.path, first.value, ...others.flatMap((copy) => [copy.path, copy.value]));
    processed += 1;
  }
  return { kind: 'done', processed, rest: restAfter(range, page.documents.at(-1), page.full) };
}

async function deletePage(
  context: PageContext,
  transaction: Transaction,
  collection: AssetCollection,
  range: KeyRange,
): Promise<PageOutcome> {
  const limit = shareOf(collection.recursive ? assetsPerRecursivePage : assetsPerPage, context);
  const page = await readPage(context, transaction, collection, range, [], limit);
  const { createdBefore } = context;
  const due = page.documents.filter(
    (asset) => createdBefore === undefined || asset.createTime.toMillis() <= createdBefore,
  );
  if (!collection.recursive) {
    for (const asset of due) transaction.delete(asset.ref);
    return { kind: 'done', processed: due.length, rest: restAfter(range, page.documents.at(-1), page.full) };
  }
  return deleteWithDescendants(context, transaction, range, page.documents, due, page.full);
}

/** Deletes assets in the order of their keys, each with everything below it, as many as fit into the transaction. An asset with more below it
 *  than fits loses a part of that and stays itself for the next page, so that the rest is still found after a crash. */
async function deleteWithDescendants(
  context: PageContext,
  transaction: Transaction,
  range: KeyRange,
  seen: readonly QueryDocumentSnapshot[],
  due: readonly QueryDocumentSnapshot[],
  full: boolean,
): Promise<PageOutcome> {
  const mostBelow = shareOf(descendantsPerPage, context);
  const below = new Map(
    await Promise.all(
      due.map(async ({ ref }) => {
        const found = await transaction.get(descendantsOf(context.firestore, ref).limit(mostBelow + 1));
        return [ref.path, found.docs] as const;
      }),
    ),
  );
  let room = mostBelow;
  let processed = 0;
  let lastDone = range.after;
  for (const asset of seen) {
    const descendants = below.get(asset.ref.path);
    if (descendants !== undefined) {
      for (const document of descendants.slice(0, room)) transaction.delete(document.ref);
      if (descendants.length > room)
        return { kind: 'done', processed, rest: { ...range, after: lastDone }, begun: true };
      room -= descendants.length;
      transaction.delete(asset.ref);
      processed += 1;
    }
    lastDone = asset.ref.path;
  }
  return { kind: 'done', processed, rest: restAfter(range, seen.at(-1), full) };
}

function restAfter(range: KeyRange, last: QueryDocumentSnapshot | undefined, full: boolean): KeyRange | null {
  return full && last !== undefined ? { ...range, after: last.ref.path } : null;
}
