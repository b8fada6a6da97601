import { createHash } from 'node:crypto';
import { type DocumentReference, type Firestore, Timestamp } from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../config/defineConfig.ts';
import { isVersion, type Version } from '../events/version.ts';
import { schemaVersion } from '../records/projectRecord.ts';
import type { PackedPage } from './packPages.ts';

/** One page of the archive: `syncArchive/{newest first}`. A page with a document that is too large for one record is
 *  kept in several, of which each but for `part` and `data` says the same. */
export interface ArchiveRecord {
  readonly projectId: string;
  /** Of the deletion that archived it. */
  readonly version: Version;
  /** Name of the configured collection. */
  readonly collection: string;
  /** Documents in the page: assets, and what lay below them. */
  readonly count: number;
  /** Paths of the first and the last of them. */
  readonly first: string;
  readonly last: string;
  /** Paths of all of them; null where they are too long to be repeated here. */
  readonly documents: readonly string[] | null;
  /** SHA-256 (base64url) and length of the text before it was compressed. */
  readonly checksum: string;
  readonly bytes: number;
  /** Times in ms since 1970. */
  readonly archivedAt: number;
  /** End of the retention. */
  readonly expireAt: number;
  /** Null: the page is whole. */
  readonly part: { readonly index: number; readonly of: number; readonly group: string } | null;
  /** The compressed text, or the part of it; null where it lies in cold storage. */
  readonly data: Buffer | null;
  /** Name of the object in cold storage; null while it is not there. */
  readonly object: string | null;
}

/** What the records of a page say of its origin. */
export type Provenance = Pick<ArchiveRecord, 'projectId' | 'version' | 'collection' | 'archivedAt' | 'expireAt'>;

/** Bytes of the paths that a record repeats: with its data it stays below the 1 MiB of a document. */
const bytesOfPaths = 64 * 1024;

/** The records that keep a page, one per piece.
 *  @param group names the page among the records; only where there are several. */
export function recordsOf(page: PackedPage, about: Provenance, group: string): readonly ArchiveRecord[] {
  const { paths, pieces, checksum, bytes } = page;
  const isShort = paths.reduce((sum, path) => sum + Buffer.byteLength(path) + 1, 0) <= bytesOfPaths;
  return pieces.map((data, index) => ({
    ...about,
    count: paths.length,
    first: paths[0] ?? '',
    last: paths.at(-1) ?? '',
    documents: isShort ? paths : null,
    checksum,
    bytes,
    part: pieces.length === 1 ? null : { index, of: pieces.length, group },
    data,
    object: null,
  }));
}

const recordSchema = z.looseObject({
  schemaVersion: z.literal(schemaVersion),
  projectId: z.string(),
  version: z.string().refine(isVersion, 'expected a version'),
  collection: z.string(),
  count: z.number().int().min(1),
  first: z.string().min(1),
  last: z.string().min(1),
  documents: z.array(z.string()).nullable(),
  checksum: z.string(),
  bytes: z.number().int().min(1),
  archivedAt: z.instanceof(Timestamp).transform((time) => time.toMillis()),
  expireAt: z.instanceof(Timestamp).transform((time) => time.toMillis()),
  part: z
    .object({ index: z.number().int().min(0), of: z.number().int().min(2), group: z.string().min(1) })
    .refine(({ index, of }) => index < of, 'expected an index below the number of parts')
    .nullable(),
  data: z
    .instanceof(Uint8Array)
    .transform((bytes) => Buffer.from(bytes))
    .nullable(),
  object: z.string().min(1).nullable(),
});

/** Where a record is kept. A restore takes pages in the order of their ids: the last life of a path comes before
 *  earlier ones, and an asset, which is archived last, before what lay below it. Ids begin with a part of their own for
 *  each project, since Firestore slows down where many are written next to each other
 *  (https://firebase.google.com/docs/firestore/best-practices#hotspots).
 *  @param name tells records of one time apart. */
export function archiveRef(
  firestore: Firestore,
  { projectId, version, archivedAt }: Pick<ArchiveRecord, 'projectId' | 'version' | 'archivedAt'>,
  name: string,
): DocumentReference {
  const spread = createHash('sha256').update(projectId).digest('hex').slice(0, 8);
  const time = archivedAt.toString(16).padStart(12, '0');
  return firestore
    .collection(recordCollections.archive)
    .doc(`${spread}-${newestFirst(version)}-${newestFirst(time)}-${name}`);
}

/** Hex digits of the same number in the opposite order. */
function newestFirst(digits: string): string {
  return digits.replaceAll(/[0-9a-f]/g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16));
}

/** The document that holds a record. */
export function archiveRecordData(record: ArchiveRecord): Record<string, unknown> {
  return {
    ...record,
    schemaVersion,
    archivedAt: Timestamp.fromMillis(record.archivedAt),
    expireAt: Timestamp.fromMillis(record.expireAt),
  };
}

/** Reads a record.
 *  @throws ArchiveRecordError when it is not one. */
export function parseArchiveRecord(path: string, data: unknown): ArchiveRecord {
  const result = recordSchema.safeParse(data);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new ArchiveRecordError(path, issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'no record');
  }
  const { schemaVersion: _, ...record } = result.data;
  return record;
}

/** A page of the archive that cannot be understood: written by hand, damaged, or of a newer version of Lockstep. */
export class ArchiveRecordError extends Error {
  constructor(path: string, problem: string) {
    super(`the page ${path} of the archive cannot be read (${problem}); it stays as it is until it is repaired`);
    this.name = 'ArchiveRecordError';
  }
}
