import type { DocumentReference, FieldPath, QueryDocumentSnapshot, Transaction } from 'firebase-admin/firestore';
import { fieldPathOf } from '../../records/fieldPath.ts';
import type { KeyRange } from '../../records/projectRecord.ts';
import { descendantsOf } from './assets.ts';
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
}

/** Plans the deletion of assets, each with what lies below it and is its own. Every document that is read is deleted or
 *  stays for good, so that none is read twice: an asset with much below it goes on in a range of its own. */
export async function planDeletions(
  context: PageContext,
  transaction: Transaction,
  range: KeyRange,
  assets: readonly QueryDocumentSnapshot[],
  fitting: (documents: number) => number,
): Promise<Deletions> {
  const limit = Math.max(1, Math.floor(fitting(descendantsPerPage) / Math.max(1, assets.length)));
  const after = range.asset === undefined ? null : range.after;
  const plans = await Promise.all(
    assets.map(async (asset) => ({ asset, ...(await planBelow(context, transaction, asset.ref, after, limit)) })),
  );
  const finished = plans.filter((plan) => plan.isDone).map(({ asset }) => asset);
  return {
    assets: finished,
    documents: [...plans.flatMap(({ own }) => own), ...finished],
    unfinished: plans
      .filter((plan) => !plan.isDone)
      .map(({ asset, keptUpTo }) => ({
        collection: range.collection,
        after: keptUpTo,
        before: null,
        asset: asset.ref.path,
      })),
  };
}

interface Below {
  readonly own: readonly QueryDocumentSnapshot[];
  /** Behind which key the next page begins: what lies before it stays. Null when nothing does. */
  readonly keptUpTo: string | null;
  readonly isDone: boolean;
}

async function planBelow(
  context: PageContext,
  transaction: Transaction,
  asset: DocumentReference,
  after: string | null,
  limit: number,
): Promise<Below> {
  const { firestore, config } = context;
  const owners = [...new Set(config.collections.map(({ projectId }) => projectId))].map(fieldPathOf);
  const all = descendantsOf(firestore, asset).select(...owners);
  const found = await transaction.get((after === null ? all : all.startAfter(firestore.doc(after))).limit(limit));
  const own: QueryDocumentSnapshot[] = [];
  let kept: string | undefined;
  for (const document of found.docs) {
    const { path } = document.ref;
    if (kept !== undefined && path.startsWith(`${kept}/`)) continue;
    if (staysWhereItIs(document, owners, context)) kept = path;
    else own.push(document);
  }
  return { own, keptUpTo: kept === undefined ? after : behind(kept), isDone: found.size < limit };
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

/** A key behind everything below a document, and before its next neighbour: the smallest id after `x` is `x\0`. */
function behind(path: string): string {
  return `${path}\u0000`;
}
