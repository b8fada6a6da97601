import type { DocumentReference, DocumentSnapshot, Transaction } from 'firebase-admin/firestore';
import { recordCollections } from '../config/defineConfig.ts';
import type { Bucket } from '../storage/bucket.ts';
import { type ArchiveRecord, ArchiveRecordError, parseArchiveRecord } from './archiveRecord.ts';
import { coldName } from './coldName.ts';
import { type ArchivedDocument, ArchivedDocumentError, decodeDocument } from './encodeDocument.ts';
import { ArchivePageError, unpackPage } from './packPages.ts';

/** A page of the archive with all that it holds. */
export interface OpenedPage {
  /** What it is kept in: one record, or one for each part. */
  readonly refs: readonly DocumentReference[];
  /** What the (first) record says. */
  readonly record: ArchiveRecord;
  /** In their order. */
  readonly documents: readonly PageDocument[];
  /** Names that its objects in cold storage have or could have: one may be there that its record does not name yet. */
  readonly objects: readonly string[];
}

export interface PageDocument extends ArchivedDocument {
  /** As `encodeDocument` has made it. */
  readonly line: string;
}

export type Opened =
  | { readonly kind: 'page'; readonly page: OpenedPage }
  | { readonly kind: 'gone' }
  /** A further part of a page, which is opened by its first. */
  | { readonly kind: 'part' }
  /** Nothing that it holds can be relied on; it stays as it is. */
  | { readonly kind: 'damaged'; readonly problem: string };

/** Where cold pages are; null: there is no bucket for them. */
export type ColdStorage = (() => Promise<Bucket>) | null;

/** Reads a page and verifies it, wherever it lies.
 *  @throws BucketError, and what Firestore answered. */
export async function openPage(ref: DocumentReference, cold: ColdStorage): Promise<Opened> {
  const snapshot = await ref.get();
  if (!snapshot.exists) return { kind: 'gone' };
  try {
    const record = parseArchiveRecord(ref.path, snapshot.data());
    if (record.part !== null && record.part.index > 0) return { kind: 'part' };
    const parts = record.part === null ? [{ ref, record }] : await readParts(ref, record.part);
    const pieces: Uint8Array[] = [];
    for (const part of parts) pieces.push(await pieceOf(part.ref, part.record, cold));
    const documents = (await unpackPage(pieces, record)).map((line) => ({
      ...decodeDocument(ref.firestore, line),
      line,
    }));
    const objects = cold === null ? [] : parts.map((part) => part.record.object ?? coldName(part.ref, part.record));
    return { kind: 'page', page: { refs: parts.map((part) => part.ref), record, documents, objects } };
  } catch (error) {
    const isDamage = [ArchiveRecordError, ArchivePageError, ArchivedDocumentError].some(
      (kind) => error instanceof kind,
    );
    if (!(isDamage && error instanceof Error)) throw error;
    // Whoever rewrites a page removes its other parts and its objects, perhaps before they were read here.
    const { updateTime } = await ref.get();
    const isSame = snapshot.updateTime !== undefined && updateTime?.isEqual(snapshot.updateTime) === true;
    return isSame ? { kind: 'damaged', problem: error.message } : openPage(ref, cold);
  }
}

/** Whether a page is still what was opened, moved to cold storage at most. */
export async function isAsOpened(transaction: Transaction, { refs, record, objects }: OpenedPage): Promise<boolean> {
  const stored = await transaction.getAll(...refs, { fieldMask: ['checksum', 'object'] });
  return stored.every((snapshot) => {
    const object: unknown = snapshot.get('object') ?? null;
    return snapshot.get('checksum') === record.checksum && (object === null || objects.some((name) => name === object));
  });
}

async function readParts(ref: DocumentReference, { group, of }: NonNullable<ArchiveRecord['part']>) {
  const found = await ref.firestore.collection(recordCollections.archive).where('part.group', '==', group).get();
  const parts = found.docs.map(parsed).sort((a, b) => (a.record.part?.index ?? 0) - (b.record.part?.index ?? 0));
  if (parts.length === of) return parts;
  throw new ArchivePageError(`${parts.length} of its ${of} parts are there`);
}

const parsed = (snapshot: DocumentSnapshot) => ({
  ref: snapshot.ref,
  record: parseArchiveRecord(snapshot.ref.path, snapshot.data()),
});

async function pieceOf({ path }: DocumentReference, { data, object }: ArchiveRecord, cold: ColdStorage) {
  if (data !== null) return data;
  if (object === null) throw new ArchiveRecordError(path, 'it has neither data nor an object');
  if (cold === null) throw new ArchivePageError(`it lies in cold storage as ${object}, and ARCHIVE_BUCKET is empty`);
  const bucket = await cold();
  const read = await bucket.read(object);
  if (read === undefined) throw new ArchivePageError(`there is no object ${object} in bucket ${bucket.name}`);
  return read;
}
