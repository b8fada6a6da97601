import { createHash } from 'node:crypto';
import {
  type DocumentReference,
  type DocumentSnapshot,
  type Firestore,
  type Query,
  Timestamp,
  type Transaction,
} from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../config/defineConfig.ts';
import { errorText, type Log } from '../log.ts';
import { schemaVersion } from '../records/projectRecord.ts';
import { packNames } from './packNames.ts';

// `syncFiles` holds three kinds of records: who names which files, files that are to go, and how complete the first is.

/** Whoever names files: an asset by its path, or a page of the archive by its id. */
export interface Holder {
  readonly kind: 'asset' | 'archive';
  readonly id: string;
}

/** Who names which files, as recorded. */
export interface Reference extends Holder {
  /** Where they are, of a page of the archive: when it ends it is not read again, as an asset is. Null in a record from
   *  before that was recorded, and of an asset. */
  readonly bucket: string | null;
  readonly names: readonly string[];
}

/** Files that go when their time has come, unless somebody names them by then. */
export interface Removal {
  readonly projectId: string | null;
  /** Where they are; null in a record from before that was recorded. */
  readonly bucket: string | null;
  /** Names that are not settled yet. */
  readonly files: readonly string[];
  /** Files that were uploaded later are somebody else's; in ms since 1970. */
  readonly deletedAt: number;
  /** In ms since 1970. */
  readonly dueAt: number;
  /** Tries that have left something. */
  readonly attempts: number;
  readonly lastError: string | null;
}

const time = z.instanceof(Timestamp).transform((value) => value.toMillis());

const documentPath = /^[^/]+\/[^/]+(?:\/[^/]+\/[^/]+)*$/;

const referenceSchema = z
  .looseObject({
    schemaVersion: z.literal(schemaVersion),
    kind: z.enum(['asset', 'archive']),
    holder: z.string().min(1),
    bucket: z.string().nullable().default(null),
    names: z.array(z.string()),
  })
  .refine(({ kind, holder }) => (kind === 'asset' ? documentPath.test(holder) : !holder.includes('/')), {
    path: ['holder'],
    error: 'expected the path of an asset, or the id of a page',
  });

const removalSchema = z.looseObject({
  schemaVersion: z.literal(schemaVersion),
  kind: z.literal('removal'),
  projectId: z.string().nullable(),
  bucket: z.string().nullable().default(null),
  files: z.array(z.string()),
  deletedAt: time,
  dueAt: time,
  attempts: z.number().int().nonnegative(),
  lastError: z.string().nullable(),
});

/** A record of files that cannot be understood: edited by hand, or of a newer version of Lockstep. */
export class FileRecordError extends Error {
  constructor(path: string, error: z.ZodError) {
    const [issue] = error.issues;
    const problem = issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'not a record';
    super(
      `${path} is no record of files (${problem}). Repair or remove it: files that only it names stay in the bucket`,
    );
    this.name = 'FileRecordError';
  }
}

function parsed<T>({ ref }: DocumentSnapshot, result: z.ZodSafeParseResult<T>): T {
  if (result.success) return result.data;
  throw new FileRecordError(ref.path, result.error);
}

export function fileRecords(firestore: Firestore) {
  return firestore.collection(recordCollections.files);
}

/** The records of one holder: several where it names more files than one can keep. A path has a slash and an id of a
 *  page has none, so that none is taken for the other. */
export function referencesOf(firestore: Firestore, { id }: Holder): Query {
  return fileRecords(firestore).where('holder', '==', id);
}

/** Who names which files, by a record.
 *  @throws FileRecordError */
export function parseReference(snapshot: DocumentSnapshot): Reference {
  const { kind, holder, bucket, names } = parsed(snapshot, referenceSchema.safeParse(snapshot.data()));
  return { kind, id: holder, bucket, names };
}

/** Undefined for one that cannot be understood: what it names stays, and the others go on. */
export function readReference(log: Log, snapshot: DocumentSnapshot): Reference | undefined {
  try {
    return parseReference(snapshot);
  } catch (error) {
    if (!(error instanceof FileRecordError)) throw error;
    log.error('a record of files is left alone', { record: snapshot.ref.path, error: errorText(error) });
    return undefined;
  }
}

/** @throws FileRecordError */
export function parseRemoval(snapshot: DocumentSnapshot): Removal {
  const { projectId, bucket, files, deletedAt, dueAt, attempts, lastError } = parsed(
    snapshot,
    removalSchema.safeParse(snapshot.data()),
  );
  return { projectId, bucket, files, deletedAt, dueAt, attempts, lastError };
}

/** Brings the records of a holder, as read in the same transaction, to the names that it has. Whether anything was
 *  written: a spare write is none. */
export function writeReferences(
  firestore: Firestore,
  transaction: Pick<Transaction, 'set' | 'delete'>,
  holder: Holder,
  known: readonly DocumentSnapshot[],
  names: readonly string[],
  bucket: Reference['bucket'] = null,
): boolean {
  const wanted = new Map(packNames(names).map((part, at) => [referenceOfPart(firestore, holder, at).id, part]));
  const same = known.filter((snapshot) => {
    const part = wanted.get(snapshot.id);
    const isOfBucket = (snapshot.get('bucket') ?? null) === bucket;
    return part !== undefined && isOfBucket && JSON.stringify(snapshot.get('names')) === JSON.stringify(part);
  });
  for (const { id } of same) wanted.delete(id);
  const stale = known.filter((snapshot) => !same.includes(snapshot) && !wanted.has(snapshot.id));
  for (const { ref } of stale) transaction.delete(ref);
  for (const [id, part] of wanted) {
    transaction.set(fileRecords(firestore).doc(id), {
      schemaVersion,
      kind: holder.kind,
      holder: holder.id,
      ...(bucket === null ? {} : { bucket }),
      names: part,
    });
  }
  return wanted.size + stale.length > 0;
}

/** The record of one part of what a holder names. */
export function referenceOfPart(firestore: Firestore, { kind, id }: Holder, part: number): DocumentReference {
  const key = createHash('sha256').update(`${kind}:${id}`).digest('hex').slice(0, keyLength);
  return fileRecords(firestore).doc(`${key}-${part}`);
}

const keyLength = 40;

/** Asks for the removal of files: in the transaction that ends what has named them. Several records where they are
 *  many. */
export function writeRemoval(
  firestore: Firestore,
  transaction: Pick<Transaction, 'create'>,
  { files, ...removal }: Pick<Removal, 'projectId' | 'bucket' | 'files' | 'deletedAt' | 'dueAt'>,
): void {
  for (const part of packNames([...new Set(files)].sort())) {
    transaction.create(
      fileRecords(firestore).doc(),
      removalData({ ...removal, files: part, attempts: 0, lastError: null }),
    );
  }
}

export function removalData({ deletedAt, dueAt, ...removal }: Removal) {
  return {
    schemaVersion,
    kind: 'removal',
    ...removal,
    deletedAt: Timestamp.fromMillis(deletedAt),
    dueAt: Timestamp.fromMillis(dueAt),
  };
}

/** Removals whose time has come, the longest waiting first. */
export function dueRemovals(firestore: Firestore, now: number): Query {
  return fileRecords(firestore).where('dueAt', '<=', Timestamp.fromMillis(now)).orderBy('dueAt');
}

/** How complete the records of who names which files are. */
export function indexStateRef(firestore: Firestore): DocumentReference {
  return fileRecords(firestore).doc('index');
}
