import type { DocumentReference, QueryDocumentSnapshot, Transaction } from 'firebase-admin/firestore';
import {
  type ArchiveRecord,
  archiveRecordData,
  archiveRef,
  type Provenance,
  recordsOf,
} from '../../archive/archiveRecord.ts';
import { encodeSnapshot } from '../../archive/encodeDocument.ts';
import { type Line, packPages } from '../../archive/packPages.ts';
import type { AssetCollection, Config } from '../../config/defineConfig.ts';
import { liesIn } from '../../config/place.ts';
import type { PageContext } from './pageContext.ts';

/** Text of documents that one transaction archives and deletes: a commit has up to 10 MiB
 *  (https://firebase.google.com/docs/firestore/quotas#writes_and_transactions), and compressed text is hardly larger
 *  than text. */
const bytesPerTransaction = 6 * 1024 * 1024;

/** Keeps what one page deletes. */
export interface Archiving {
  /** Documents that the page may read. */
  readonly limit: number;
  /** Takes a document into the archive, if it is to be archived. False: the page is full and must leave this and all
   *  further documents where they are. The first always fits. */
  take(document: QueryDocumentSnapshot): boolean;
  /** The new records that hold what was taken. */
  pack(): Promise<readonly ArchivedPage[]>;
}

/** A record of the archive and its place. */
export interface ArchivedPage {
  readonly ref: DocumentReference;
  readonly record: ArchiveRecord;
  /** Documents of the page; of several records of one page, only the first has them. */
  readonly paths: readonly string[];
}

/** What the parts of a transaction that archives have to know. */
export interface ArchiveVolume {
  /** Paths of what is archived by all of them: two may reach one document. */
  readonly kept: Set<string>;
  /** Begins the names of the records of this part. */
  readonly name: string;
}

/** What a page that deletes from a collection archives; null when it archives nothing, and may read keys only.
 *  @param fitting the part of a whole page that this one may have. */
export function createArchiving(
  context: PageContext,
  collection: AssetCollection,
  { kept, name }: ArchiveVolume,
  fitting: (amount: number) => number,
): Archiving | null {
  const { config, sizes, isShadow } = context;
  if (isShadow || !archivesFrom(config, collection)) return null;
  const most = fitting(bytesPerTransaction);
  const taken = new Map<AssetCollection, Line[]>();
  let documents = 0;
  let bytes = 0;
  let isFull = false;
  const seen = { documents: 0, bytes: 0 };
  return {
    limit: fitting(sizes.limit(collection.name)),
    take(document) {
      if (isFull) return false;
      const { path } = document.ref;
      const keeper = keeperOf(config, collection, path);
      if (keeper === null || kept.has(path)) return true;
      const text = encodeSnapshot(document);
      const size = Buffer.byteLength(text);
      seen.documents += 1;
      seen.bytes += size;
      isFull = documents > 0 && bytes + size > most;
      if (isFull) return false;
      documents += 1;
      bytes += size;
      kept.add(path);
      taken.set(keeper, [...(taken.get(keeper) ?? []), { path, text }]);
      return true;
    },
    async pack() {
      sizes.observe(collection.name, seen.documents, seen.bytes);
      const packed = await Promise.all(
        [...taken].map(async ([keeper, lines]) => ({ about: aboutOf(context, keeper), pages: await packPages(lines) })),
      );
      const archived: ArchivedPage[] = [];
      const nextName = () => `${name}-${archived.length}`;
      for (const { about, pages } of packed) {
        for (const page of pages) {
          for (const [part, record] of recordsOf(page, about, nextName()).entries()) {
            const paths = part === 0 ? page.paths : [];
            archived.push({ ref: archiveRef(context.firestore, about, nextName()), record, paths });
          }
        }
      }
      return archived;
    },
  };
}

/** Writes pages of the archive, in the transaction that deletes what is in them. */
export function createPages(transaction: Transaction, pages: readonly ArchivedPage[]): void {
  for (const { ref, record } of pages) transaction.create(ref, archiveRecordData(record));
}

/** Whether something that is deleted with an asset of a collection may have to be archived. */
export function archivesFrom(config: Config, collection: AssetCollection): boolean {
  if (collection.retentionMs !== null) return true;
  return (
    collection.recursive &&
    config.collections.some((other) => other.retentionMs !== null && (other.kind === 'group' || isNested(other)))
  );
}

function isNested({ name }: AssetCollection): boolean {
  return name.includes('/');
}

/** The collection by whose retention a document is kept that is deleted with an asset of `collection`: the one that it
 *  lies in, or else the asset's. */
function keeperOf(config: Config, collection: AssetCollection, path: string): AssetCollection | null {
  const own = config.collections.find((place) => place.retentionMs !== null && liesIn(place, path));
  return own ?? (collection.retentionMs === null ? null : collection);
}

/** What the records of a page say of its origin. */
function aboutOf({ record, now }: PageContext, { name, retentionMs }: AssetCollection): Provenance {
  const { version } = record.desired;
  if (version === null || retentionMs === null) {
    throw new Error(`nothing of project ${record.projectId} can be archived without a deletion and a retention`);
  }
  const archivedAt = now();
  return {
    projectId: record.projectId,
    version,
    collection: name,
    archivedAt,
    expireAt: archivedAt + retentionMs,
  };
}
