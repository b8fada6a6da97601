import { randomUUID } from 'node:crypto';
import type { DocumentData, Firestore } from 'firebase-admin/firestore';
import { archiveRecordData, parseArchiveRecord, recordsOf } from '../../src/archive/archiveRecord.ts';
import { encodeDocument } from '../../src/archive/encodeDocument.ts';
import { type ArchiveJob, archiveJobData, archiveJobRef, newArchiveJob } from '../../src/archive/jobs/archiveJob.ts';
import { type ColdStorage, openPage } from '../../src/archive/openPage.ts';
import { packPages } from '../../src/archive/packPages.ts';
import { dayMs } from '../../src/clock.ts';

/** When the tests' pages were archived. */
export const archivedAt = Date.UTC(2026, 10, 21);

export interface ArchivedPage {
  readonly projectId?: string;
  readonly collection: string;
  readonly documents: Readonly<Record<string, DocumentData>>;
  /** Compressed bytes of one piece. */
  readonly limit?: number;
  readonly expireAt?: number;
}

/** Archives documents that are nowhere else, each call in a page of its own (or as many as the limit takes). */
export async function archive(firestore: Firestore, page: ArchivedPage): Promise<void> {
  const lines = Object.entries(page.documents).map(([path, data]) => ({ path, text: encodeDocument({ path, data }) }));
  const about = {
    projectId: page.projectId ?? 'p1',
    version: '6740a1b2000000030000',
    collection: page.collection,
    archivedAt,
    expireAt: page.expireAt ?? archivedAt + 30 * dayMs,
  };
  for (const packed of await packPages(lines, page.limit)) {
    const group = randomUUID();
    for (const record of recordsOf(packed, about, group)) {
      await firestore.collection('syncArchive').add(archiveRecordData(record));
    }
  }
}

/** Paths of all documents that the archive holds, in order; one that is in two pages twice. */
export async function pathsInArchive(firestore: Firestore, cold: ColdStorage = null): Promise<string[]> {
  const { docs } = await firestore.collection('syncArchive').get();
  const paths: string[] = [];
  for (const { ref } of docs) {
    const opened = await openPage(ref, cold);
    if (opened.kind === 'damaged') throw new Error(opened.problem);
    if (opened.kind !== 'page') continue;
    for (const { path } of opened.page.documents) paths.push(path);
  }
  return paths.sort();
}

export async function recordsInArchive(firestore: Firestore) {
  const { docs } = await firestore.collection('syncArchive').get();
  return docs.map((page) => ({ ref: page.ref, ...parseArchiveRecord(page.ref.path, page.data()) }));
}

/** Creates a job, as an operation does. */
export async function asked(
  firestore: Firestore,
  now: number,
  of: Partial<Pick<ArchiveJob, 'type' | 'projectId' | 'dryRun'>> & { to?: string; collections?: string[] } = {},
): Promise<ArchiveJob> {
  const job = newArchiveJob({
    type: 'restore',
    projectId: 'p1',
    reason: 'test',
    initiator: 'olga@example.com',
    via: 'terminal',
    now,
    retentionMs: dayMs,
    uniqueId: randomUUID(),
    ...of,
  });
  await archiveJobRef(firestore, job.id).create(archiveJobData(job));
  return job;
}
