import { FieldPath, type QueryDocumentSnapshot, type Transaction } from 'firebase-admin/firestore';
import { minuteMs } from '../../clock.ts';
import type { AssetCollection } from '../../config/defineConfig.ts';
import type { CopyValue } from '../../events/copyValue.ts';
import { fileFieldsOf } from '../../files/documentFiles.ts';
import { assetsAmong } from '../../records/assetQuery.ts';
import {
  type KeyRange,
  type ProjectRecord,
  parseProjectRecord,
  projectRecordData,
  projectRecordRef,
} from '../../records/projectRecord.ts';
import { type Step, writeStep } from '../transact.ts';
import { isCompleted, type Reached } from '../transitions.ts';
import { type ArchivedPage, type ArchiveVolume, createArchiving, createPages } from './archiving.ts';
import { assetsOf } from './assets.ts';
import { bytesOfValue, showsValue, wantedCopies } from './copyUpdates.ts';
import { planDeletions } from './deletions.ts';
import { fileFieldsBelow, observeSizes, readsFiles, writeFilesOfPage } from './filesOfPage.ts';
import type { PageContext } from './pageContext.ts';
import { assetsPerPage, bytesOfDeletions, bytesOfUpdates, updateLimit } from './pageSize.ts';

/** Assets in one page when what lies below them is deleted with them: their descendants share the transaction. */
export const assetsPerRecursivePage = 40;

/** Documents that a page of whole ones expects for each asset, with those below it. */
const documentsPerAsset = 10;

/** How old the word of MongoDB may be on which assets are deleted that existed long before the deletion. */
const confirmationAgeMs = 10_000;

/** Assets that were written later than so long before the deletion may belong to a new life of the project, as far as
 *  clocks can tell. */
const youngMs = minuteMs;

/** A range to work on, and how much of a usual page a page of it may hold: above 0 and up to 1, less where Firestore
 *  has refused more. */
export interface Piece {
  readonly range: KeyRange;
  readonly share: number;
}

/** What becomes of the work once this page is committed. */
export interface PageOptions {
  /** Also extends the lease until then (ms since 1970), in the same transaction. */
  readonly renewUntil?: number | undefined;
  /** Notified of what this page sees, as soon as that is known and before it is committed: the next page can be read
   *  meanwhile. */
  readonly onRead?: (view: PageView) => void;
  /** Ends the whole work in the same transaction, if these pieces leave nothing. */
  readonly finish?: ((current: ProjectRecord, page: Reached) => Step<unknown>) | undefined;
}

/** What a page has read. */
export interface PageView {
  /** The assets that it takes care of. */
  readonly seen: readonly QueryDocumentSnapshot[];
  /** What it leaves of its ranges. */
  readonly rests: readonly KeyRange[];
  /** Documents that it writes or deletes, assets or what lies below them. */
  readonly documents: number;
  /** The first asset that it writes or deletes, or below which it does. It may have seen others before. */
  readonly firstTouched: string | undefined;
  /** What it takes of the memory. */
  readonly bytes: number;
  /** Assets that it could have seen at most. */
  readonly limit: number;
}

/** What one page did. `rests` is what is left of its ranges. */
export type PageOutcome =
  | {
      readonly kind: 'done';
      readonly processed: number;
      /** Assets that it has looked at. */
      readonly scanned: number;
      readonly rests: readonly KeyRange[];
      readonly finished: boolean;
    }
  | { readonly kind: 'superseded' }
  | { readonly kind: 'lost' }
  /** MongoDB says that the project lives: nothing of the page was deleted. */
  | { readonly kind: 'revived' };

/** Brings one page of assets to the desired state, in one transaction that also reads the project record: so a worker
 *  that lost its lease writes nothing, newer knowledge stops older work at the next page, and an asset is touched only
 *  in the state in which it was seen here.
 *
 *  What may have been created in a new life of the project is deleted only if MongoDB is asked after it was read, and
 *  says that the project is gone: so everything that is deleted existed while the project did not, whatever the clocks
 *  say. */
export function runPage(
  context: PageContext,
  pieces: readonly Piece[],
  { renewUntil, onRead, finish }: PageOptions = {},
): Promise<PageOutcome> {
  const { firestore, record, lease } = context;
  const recordRef = projectRecordRef(firestore, record.projectId);
  return firestore.runTransaction(
    async (transaction): Promise<PageOutcome> => {
      const current = parseProjectRecord(record.projectId, (await transaction.get(recordRef)).data());
      if (current.lease?.holder !== lease.holder) {
        const isFinished = finish !== undefined && isCompleted(current, record.revision);
        return isFinished ? { kind: 'done', processed: 0, scanned: 0, rests: [], finished: true } : { kind: 'lost' };
      }
      if (current.revision !== record.revision) return { kind: 'superseded' };
      const kept = new Set<string>();
      const name = context.uniqueId();
      const parts = await Promise.all(
        pieces.map((piece, index) =>
          planPart(context, transaction, piece, pieces.length, { kept, name: `${name}-${index}` }),
        ),
      );
      const rests = parts.flatMap((part) => part.rests);
      const seen = parts.flatMap((part) => part.seen);
      onRead?.({
        seen,
        rests,
        documents: parts.reduce((sum, part) => sum + part.documents, 0),
        firstTouched: parts.find((part) => part.firstTouched !== undefined)?.firstTouched,
        bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
        limit: parts.reduce((sum, part) => sum + part.limit, 0),
      });
      if (record.desired.kind === 'deleted') {
        const writtenAt = Math.max(...parts.map((part) => part.writtenAt));
        const mayBeNew = writtenAt > context.createdBy - youngMs;
        if (!(await context.confirmGone(mayBeNew ? 0 : confirmationAgeMs))) return { kind: 'revived' };
      }
      if (!context.isShadow) {
        for (const part of parts) part.write(transaction);
        writeFilesOfPage(context, transaction, parts, kept);
      }
      const processed = parts.reduce((sum, part) => sum + part.processed, 0);
      const finished = finish !== undefined && rests.length === 0;
      if (finished) writeStep(firestore, transaction, finish(current, { processed, scanned: seen.length }));
      else if (renewUntil !== undefined) {
        transaction.set(recordRef, projectRecordData({ ...current, lease: { ...lease, expiresAt: renewUntil } }));
      }
      return { kind: 'done', processed, scanned: seen.length, rests, finished };
    },
    // Retries belong to the caller, whose backoff knows the budget of the invocation.
    { maxAttempts: 1 },
  );
}

/** What a page does to one range. */
interface Part extends PageView {
  readonly processed: number;
  /** When a document that it deletes was last written, in ms since 1970: an old asset may have been moved to a new life
   *  of the project. */
  readonly writtenAt: number;
  readonly write: (transaction: Transaction) => void;
  /** What it deletes, and the new pages of the archive that hold it. */
  readonly deleted: readonly QueryDocumentSnapshot[];
  readonly archived: readonly ArchivedPage[];
}

const nothing: Part = {
  seen: [],
  rests: [],
  documents: 0,
  firstTouched: undefined,
  bytes: 0,
  limit: 0,
  processed: 0,
  writtenAt: Number.NEGATIVE_INFINITY,
  write: () => undefined,
  deleted: [],
  archived: [],
};

async function planPart(
  context: PageContext,
  transaction: Transaction,
  { range, share }: Piece,
  sharers: number,
  volume: ArchiveVolume,
): Promise<Part> {
  const collection = context.config.collections.find(({ name }) => name === range.collection);
  // A collection that was taken out of the configuration while its work was under way has no assets any more.
  if (collection === undefined) return nothing;
  const fitting = (documents: number) => fittingPart(documents, share, sharers);
  if (context.record.desired.kind !== 'deleted') return planUpdates(context, transaction, collection, range, fitting);
  return planDeletionPart(context, transaction, collection, range, fitting, volume);
}

/** How much of a page a piece of it may take. */
function fittingPart(amount: number, share: number, sharers: number): number {
  return Math.max(1, Math.floor((amount * share) / sharers));
}

async function planDeletionPart(
  context: PageContext,
  transaction: Transaction,
  collection: AssetCollection,
  range: KeyRange,
  fitting: (amount: number) => number,
  volume: ArchiveVolume,
): Promise<Part> {
  const archiving = createArchiving(context, collection, volume, fitting);
  const files = readsFiles(context, collection);
  const documents = archiving?.limit ?? (files ? fitting(context.sizes.limit(collection.name)) : undefined);
  const limit = documents === undefined ? fitting(usualLimit(collection)) : limitOf(collection, documents);
  const fields = archiving !== null ? 'all' : files ? fileFieldsOf([collection]) : [];
  const page = await readPage(context, transaction, collection, range, fields, limit);
  const due = page.documents.filter((asset) => asset.createTime.toMillis() <= context.createdBy);
  const isRecursive = collection.recursive && !context.isShadow;
  const deletions = await planDeletions(context, transaction, {
    range,
    assets: due,
    isRecursive,
    archiving,
    limit: documents,
    fieldsBelow: fileFieldsBelow(context, collection),
    fitting,
  });
  if (files && archiving === null) observeSizes(context, collection, deletions.documents);
  const archived = (await archiving?.pack()) ?? [];
  const { seen, goesOnAfter } = upToAsset(page, deletions.left);
  return {
    seen,
    documents: deletions.documents.length,
    firstTouched: firstTouched(due, deletions.documents[0]),
    bytes: bytesOfDeletions(context, collection, deletions.documents.length),
    limit,
    processed: deletions.assets.length,
    // Below assets that stay, a page would go on where it has begun.
    rests: [...restAfter(range, goesOnAfter), ...deletions.unfinished],
    writtenAt: Math.max(...deletions.documents.map((document) => document.updateTime.toMillis())),
    write(inTransaction) {
      createPages(inTransaction, archived);
      for (const { ref } of deletions.documents) inTransaction.delete(ref);
    },
    deleted: deletions.documents,
    archived,
  };
}

/** Documents are deleted in the order of the assets that they are, or lie below. */
function firstTouched(
  assets: readonly QueryDocumentSnapshot[],
  first: QueryDocumentSnapshot | undefined,
): string | undefined {
  return assets.find(({ ref }) => `${first?.ref.path}/`.startsWith(`${ref.path}/`))?.ref.path;
}

function usualLimit({ recursive }: AssetCollection): number {
  return recursive ? assetsPerRecursivePage : assetsPerPage;
}

/** Where more than keys is read, those below assets count as well. */
function limitOf({ recursive }: AssetCollection, documents: number): number {
  return recursive
    ? Math.max(1, Math.min(assetsPerRecursivePage, Math.floor(documents / documentsPerAsset)))
    : documents;
}

/** The part of a page before an asset that had no room in the transaction. */
function upToAsset(
  { documents, goesOnAfter }: Page,
  left: QueryDocumentSnapshot | undefined,
): { readonly seen: Page['documents']; readonly goesOnAfter: string | null } {
  if (left === undefined) return { seen: documents, goesOnAfter };
  const seen = documents.slice(0, documents.indexOf(left));
  return { seen, goesOnAfter: seen.at(-1)?.ref.path ?? null };
}

/** What updates need to know of their work. */
type UpdateContext = Pick<PageContext, 'firestore' | 'config' | 'record' | 'sizes'>;

/** A page of updates that is read, and not yet written. */
export interface PlannedUpdates extends Reached {
  readonly rests: readonly KeyRange[];
  /** What it takes of the memory. */
  readonly bytes: number;
  readonly write: (transaction: Transaction) => void;
}

/** Plans the first page of a living project, over all its ranges, in a transaction of the caller's. */
export async function planFirstUpdates(
  context: UpdateContext,
  transaction: Transaction,
  ranges: readonly KeyRange[],
): Promise<PlannedUpdates> {
  const collectionOf = (range: KeyRange) => context.config.collections.find(({ name }) => name === range.collection);
  const parts = await Promise.all(
    ranges.map((range) => {
      const collection = collectionOf(range);
      if (collection === undefined) return nothing;
      return planUpdates(context, transaction, collection, range, (most) => fittingPart(most, 1, ranges.length));
    }),
  );
  return {
    processed: parts.reduce((sum, part) => sum + part.processed, 0),
    scanned: parts.reduce((sum, part) => sum + part.seen.length, 0),
    rests: parts.flatMap((part) => part.rests),
    bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
    write(inTransaction) {
      for (const part of parts) part.write(inTransaction);
    },
  };
}

async function planUpdates(
  context: UpdateContext,
  transaction: Transaction,
  collection: AssetCollection,
  range: KeyRange,
  fitting: (documents: number) => number,
): Promise<Part> {
  const wanted = wantedCopies(collection, context.record.desired);
  const paths = wanted.map((copy) => copy.path);
  const limit = fitting(updateLimit(context.sizes, collection, wanted));
  const page = await readPage(context, transaction, collection, range, paths, limit);
  let bytes = 0;
  const isStale = (stored: unknown, value: CopyValue) => {
    bytes += bytesOfValue(stored);
    return !showsValue(stored, value);
  };
  const stale = page.documents
    .map((asset) => ({ asset, copies: wanted.filter((copy) => isStale(asset.get(copy.path), copy.value)) }))
    .filter(({ copies }) => copies.length > 0);
  context.sizes.observe(collection.name, page.documents.length, bytes);
  return {
    ...nothing,
    seen: page.documents,
    documents: stale.length,
    firstTouched: stale[0]?.asset.ref.path,
    bytes: bytesOfUpdates(context, collection, page.documents.length),
    limit,
    processed: stale.length,
    rests: restAfter(range, page.goesOnAfter),
    write(inTransaction) {
      for (const { asset, copies } of stale) {
        const [first, ...others] = copies;
        if (first === undefined) continue;
        // An update, never a set: it fails on a document that is gone, so nothing is resurrected.
        inTransaction.update(asset.ref, first.path, first.value, ...others.flatMap((copy) => [copy.path, copy.value]));
      }
    },
  };
}

interface Page {
  readonly documents: readonly QueryDocumentSnapshot[];
  /** The last key that was read, if there may be more behind it. */
  readonly goesOnAfter: string | null;
}

async function readPage(
  { firestore, record: { projectId } }: UpdateContext,
  transaction: Transaction,
  collection: AssetCollection,
  range: KeyRange,
  fields: readonly FieldPath[] | 'all',
  limit: number,
): Promise<Page> {
  const assets = assetsOf(firestore, collection, projectId);
  const selected =
    fields === 'all' ? assets : assets.select(...(fields.length > 0 ? fields : [FieldPath.documentId()]));
  if (range.asset !== undefined) {
    const named = await transaction.get(selected.where(FieldPath.documentId(), '==', firestore.doc(range.asset)));
    return { documents: assetsAmong(collection, named.docs), goesOnAfter: null };
  }
  let query = selected.orderBy(FieldPath.documentId());
  if (range.after !== null) query = query.startAfter(firestore.doc(range.after));
  if (range.before !== null) query = query.endBefore(firestore.doc(range.before));
  const page = await transaction.get(query.limit(limit));
  const last = page.size === limit ? page.docs.at(-1) : undefined;
  return { documents: assetsAmong(collection, page.docs), goesOnAfter: last?.ref.path ?? null };
}

function restAfter(range: KeyRange, goesOnAfter: string | null): readonly KeyRange[] {
  return goesOnAfter === null ? [] : [{ ...range, after: goesOnAfter }];
}
