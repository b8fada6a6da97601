import type { DocumentReference, FieldPath, QueryDocumentSnapshot, Transaction } from 'firebase-admin/firestore';
import type { Config } from '../../config/defineConfig.ts';
import { behind, everythingBelow } from '../../records/below.ts';
import { fieldPathOf } from '../../records/fieldPath.ts';
import type { KeyRange } from '../../records/projectRecord.ts';
import type { Archiving } from './archiving.ts';
import type { PageContext } from './pageContext.ts';

/** Documents below assets that one page reads at most. */
const descendantsPerPage = 400;

/** What a page deletes. */
export interface Deletions {
  /** Assets that go, with all of theirs below them gone by then. */
  readonly assets: readonly QueryDocumentSnapshot[];
  /** Every document that goes, assets among them. */
  readonly documents: readonly QueryDocumentSnapshot[];
  /** Assets with more below them than this page takes: they go last, so that the rest is still found after a crash. */
  readonly unfinished: readonly KeyRange[];
  /** The first asset that had no room in the page; it and those behind it are left for the next. */
  readonly left: QueryDocumentSnapshot | undefined;
}

/** The assets whose deletion is planned. */
export interface DueAssets {
  readonly range: KeyRange;
  readonly assets: readonly QueryDocumentSnapshot[];
  /** Whether what lies below them goes with them. */
  readonly isRecursive: boolean;
  /** Null: they are deleted for good. */
  readonly archiving: Archiving | null;
  /** Documents below assets that are read at most; undefined: as many as where only keys are read. */
  readonly limit: number | undefined;
  /** Fields to read of these besides their owners, where not all are read. */
  readonly fieldsBelow: readonly FieldPath[];
  readonly fitting: (documents: number) => number;
}

/** Plans the deletion of assets, each with what lies below it and is its own. Every document that is read is deleted or
 *  stays for good, so that none is read twice, unless it had no room: an asset with much below it goes on in a range of
 *  its own. */
export async function planDeletions(
  context: PageContext,
  transaction: Transaction,
  { range, assets, isRecursive, archiving, limit: given, fieldsBelow, fitting }: DueAssets,
): Promise<Deletions> {
  if (!isRecursive && archiving === null) return { assets, documents: assets, unfinished: [], left: undefined };
  const most = given ?? fitting(descendantsPerPage);
  const limit = Math.max(1, Math.floor(most / Math.max(1, assets.length)));
  const from = range.asset === undefined ? null : range.after;
  const owners = ownerFields(context.config);
  const fields = archiving === null ? [...owners, ...fieldsBelow] : 'all';
  const found = isRecursive
    ? await Promise.all(assets.map(({ ref }) => readBelow(context, transaction, ref, from, limit, fields)))
    : [];
  const take = archiving?.take ?? (() => true);
  const finished: QueryDocumentSnapshot[] = [];
  const documents: QueryDocumentSnapshot[] = [];
  const unfinished: KeyRange[] = [];
  for (const [at, asset] of assets.entries()) {
    const below = found[at] ?? nothingBelow;
    const { own, keptUpTo, isDone } = takeBelow(context, below, owners, from, take);
    const goes = isDone && take(asset);
    if (!goes && below.isAll && own.length === 0) return { assets: finished, documents, unfinished, left: asset };
    documents.push(...own);
    if (goes) {
      finished.push(asset);
      documents.push(asset);
    } else {
      unfinished.push({ collection: range.collection, after: keptUpTo, before: null, asset: asset.ref.path });
    }
  }
  return { assets: finished, documents, unfinished, left: undefined };
}

/** Documents below an asset, by key. */
interface FoundBelow {
  readonly documents: readonly QueryDocumentSnapshot[];
  /** Whether there are no more. */
  readonly isAll: boolean;
}

const nothingBelow: FoundBelow = { documents: [], isAll: true };

async function readBelow(
  context: PageContext,
  transaction: Transaction,
  asset: DocumentReference,
  from: string | null,
  limit: number,
  fields: readonly FieldPath[] | 'all',
): Promise<FoundBelow> {
  const { firestore } = context;
  const below = everythingBelow(firestore, asset.path);
  const all = fields === 'all' ? below : below.select(...fields);
  const { docs } = await transaction.get((from === null ? all : all.startAt(firestore.doc(from))).limit(limit));
  return { documents: docs, isAll: docs.length < limit };
}

interface Below {
  readonly own: readonly QueryDocumentSnapshot[];
  /** At which key the next page begins: what lies before it stays. Null when nothing does. */
  readonly keptUpTo: string | null;
  readonly isDone: boolean;
}

/** What goes of the documents below an asset, as far as there is room. */
function takeBelow(
  context: PageContext,
  { documents, isAll }: FoundBelow,
  owners: readonly FieldPath[],
  from: string | null,
  take: (document: QueryDocumentSnapshot) => boolean,
): Below {
  const own: QueryDocumentSnapshot[] = [];
  let kept: string | undefined;
  let isDone = isAll;
  for (const document of documents) {
    const { path } = document.ref;
    if (kept !== undefined && path.startsWith(`${kept}/`)) continue;
    if (staysWhereItIs(document, owners, context)) kept = path;
    else if (take(document)) own.push(document);
    else {
      isDone = false;
      break;
    }
  }
  return { own, keptUpTo: kept === undefined ? from : behind(kept), isDone };
}

function ownerFields(config: Config): FieldPath[] {
  return [...new Set(config.collections.map(({ projectId }) => projectId))].map(fieldPathOf);
}

/** Whether a document below a deleted asset stays, with all that lies below it: it names another project, or was
 *  created after the deletion. Ownership is by a document's own field, never by its path. */
function staysWhereItIs(
  document: QueryDocumentSnapshot,
  owners: readonly FieldPath[],
  { record: { projectId }, createdBy }: PageContext,
): boolean {
  const namesAnother = owners.some((field) => {
    const owner: unknown = document.get(field);
    return typeof owner === 'string' && owner !== '' && owner !== projectId;
  });
  return namesAnother || document.createTime.toMillis() > createdBy;
}
