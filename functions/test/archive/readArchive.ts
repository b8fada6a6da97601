import type { DocumentData, Firestore } from 'firebase-admin/firestore';
import { type ArchiveRecord, parseArchiveRecord } from '../../src/archive/archiveRecord.ts';
import { decodeDocument } from '../../src/archive/encodeDocument.ts';
import { unpackPage } from '../../src/archive/packPages.ts';

/** A document in the archive. */
export interface Archived {
  readonly path: string;
  readonly data: DocumentData;
  readonly record: ArchiveRecord;
}

/** Every document in the archive, page by page: one that is in two pages is here twice.
 *  @throws Error when a page is not whole. */
export async function readArchive(firestore: Firestore): Promise<readonly Archived[]> {
  const stored = await firestore.collection('syncArchive').get();
  const records = stored.docs.map((document) => ({
    id: document.id,
    record: parseArchiveRecord(document.ref.path, document.data()),
  }));
  const pages = Map.groupBy(records, ({ id, record }) => record.part?.group ?? id);
  const archived: Archived[] = [];
  for (const [group, parts] of pages) {
    const ordered = parts.map(({ record }) => record).sort((a, b) => (a.part?.index ?? 0) - (b.part?.index ?? 0));
    const [record] = ordered;
    if (record === undefined || ordered.length !== (record.part?.of ?? 1)) throw new Error(`parts of ${group} missing`);
    const lines = await unpackPage(
      ordered.map(({ data }) => data ?? Buffer.alloc(0)),
      record,
    );
    archived.push(...lines.map((line) => ({ ...decodeDocument(firestore, line), record })));
  }
  return archived;
}
