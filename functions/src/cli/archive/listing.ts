import { FieldPath, type Firestore, type Query } from 'firebase-admin/firestore';
import { pagesOf } from '../../archive/archivePages.ts';
import { type ArchiveRecord, ArchiveRecordError, parseArchiveRecord } from '../../archive/archiveRecord.ts';
import { recordCollections } from '../../config/defineConfig.ts';
import { inTime } from '../services.ts';
import type { Terminal } from '../terminal.ts';

/** Records that are read at once. */
const recordsAtOnce = 300;

/** What is read of a record: not its data. */
const fields = [
  ...[
    'schemaVersion',
    'projectId',
    'version',
    'collection',
    'count',
    'first',
    'last',
    'documents',
    'checksum',
    'bytes',
  ],
  ...['archivedAt', 'expireAt', 'part', 'object'],
];

interface Page extends Omit<ArchiveRecord, 'data'> {
  readonly id: string;
}

interface Sum {
  pages: number;
  documents: number;
  bytes: number;
  cold: number;
  firstExpireAt: number;
  lastExpireAt: number;
}

/** Prints one line for each project with archived assets; false when there is none. One read per page. */
export async function listProjects(firestore: Firestore, terminal: Terminal, json: boolean): Promise<boolean> {
  const projects = new Map<string, Sum>();
  const all = firestore.collection(recordCollections.archive).orderBy(FieldPath.documentId());
  for await (const { projectId, count, bytes, object, expireAt } of pages(all, terminal)) {
    const none: Sum = { pages: 0, documents: 0, bytes: 0, cold: 0, firstExpireAt: expireAt, lastExpireAt: expireAt };
    const sum = projects.get(projectId) ?? none;
    sum.pages += 1;
    sum.documents += count;
    sum.bytes += bytes;
    sum.cold += object === null ? 0 : 1;
    sum.firstExpireAt = Math.min(sum.firstExpireAt, expireAt);
    sum.lastExpireAt = Math.max(sum.lastExpireAt, expireAt);
    projects.set(projectId, sum);
  }
  if (json) {
    const found = [...projects].map(([projectId, sum]) => ({
      projectId,
      ...sum,
      firstExpireAt: iso(sum.firstExpireAt),
      lastExpireAt: iso(sum.lastExpireAt),
    }));
    terminal.print(JSON.stringify(found));
  } else if (projects.size === 0) terminal.print('Nothing is archived.');
  for (const [projectId, sum] of json ? [] : projects) {
    const cold = sum.cold === 0 ? '' : `, ${sum.cold} of them in cold storage`;
    const until = `kept until ${iso(sum.firstExpireAt)}${sum.firstExpireAt === sum.lastExpireAt ? '' : ' or later'}`;
    terminal.print(
      `${projectId}: ${sum.documents} documents in ${sum.pages} pages${cold}, ${sum.bytes} bytes, ${until}`,
    );
  }
  return projects.size > 0;
}

/** Prints one line for each page of a project; false when there is none. */
export async function showPages(
  firestore: Firestore,
  terminal: Terminal,
  projectId: string,
  json: boolean,
): Promise<boolean> {
  const found: Page[] = [];
  for await (const page of pages(pagesOf(firestore, projectId), terminal)) {
    found.push(page);
    if (json) continue;
    const { id, collection, count, first, last, archivedAt, expireAt, object } = page;
    const what = count === 1 ? first : `${count} documents, ${first} … ${last}`;
    const where = object === null ? '' : `, in cold storage as ${object}`;
    terminal.print(`${id}  ${collection}: ${what}, archived ${iso(archivedAt)}, kept until ${iso(expireAt)}${where}`);
  }
  if (json) {
    const shown = found.map((page) => ({ ...page, archivedAt: iso(page.archivedAt), expireAt: iso(page.expireAt) }));
    terminal.print(JSON.stringify(shown));
  } else if (found.length === 0) terminal.print(`Nothing of project ${projectId} is archived.`);
  return found.length > 0;
}

/** The pages of a query, the parts of one as one. One that cannot be read is reported and passed over. */
async function* pages(query: Query, terminal: Terminal): AsyncGenerator<Page, void> {
  const some = query.select(...fields).limit(recordsAtOnce);
  for (let after: string | undefined; ; ) {
    const { docs } = await inTime(terminal, (after === undefined ? some : some.startAfter(after)).get());
    for (const document of docs) {
      try {
        const { data: _, ...record } = parseArchiveRecord(document.ref.path, { ...document.data(), data: null });
        if (record.part === null || record.part.index === 0) yield { id: document.id, ...record };
      } catch (error) {
        if (!(error instanceof ArchiveRecordError)) throw error;
        terminal.warn(error.message);
      }
    }
    after = docs.at(-1)?.id;
    if (docs.length < recordsAtOnce) return;
  }
}

const iso = (ms: number) => new Date(ms).toISOString();
