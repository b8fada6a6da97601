import { dayMs } from '../clock.ts';
import { completeIndex } from '../files/completeIndex.ts';
import { isFileName } from '../files/fileName.ts';
import { writeRemoval } from '../files/fileRecords.ts';
import { recordedNames } from '../files/namedBy.ts';
import type { ObjectInfo } from '../storage/bucket.ts';
import type { ReconcileJob } from './jobRecord.ts';
import { addExample, isOver, type PassEnd, type Run } from './runRecord.ts';

type Files = NonNullable<ReconcileJob['files']>;

/** Files in one page of the listing: the most that Cloud Storage lists
 *  (https://cloud.google.com/storage/docs/json_api/v1/objects/list). */
const filesPerPage = 1_000;

/** What is known of files to remove in a job, in bytes: far below what a document may hold. */
const keptBytes = 200_000;

/** Finds files that no asset names, by listing the bucket's prefix. First it is made sure that the records of who names
 *  which are complete, by a walk that begins with this run: what an event was lost for is not taken for unnamed.
 *
 *  Costs the walk (`completeIndex`), and then about one read per file, and one request of class A per thousand. */
export async function findUnnamedFiles(run: Run): Promise<PassEnd> {
  const { job, keeper } = run;
  job.files ??= noFiles();
  const { files } = job;
  if (!files.isIndexed) {
    const indexed = await makeIndexed(run, files);
    keeper.changed([]);
    if (indexed !== 'complete') return { kind: indexed === 'unfinished' ? 'out-of-time' : 'complete' };
  }
  files.listedAt ??= run.clock.now();
  while (!files.done) {
    if (isOver(run)) return { kind: 'out-of-time' };
    await listPage(run, files);
    keeper.changed([]);
  }
  return { kind: 'complete' };
}

function noFiles(): Files {
  return {
    isIndexed: false,
    notBefore: null,
    listedAt: null,
    next: null,
    done: false,
    listed: 0,
    bytes: 0,
    young: 0,
    unnamedBytes: 0,
    old: 0,
    lists: 0,
    reads: 0,
    found: [],
    allowed: null,
    asked: 0,
  };
}

/** @throws Error where no files are configured: a request for them is refused before. */
function placeOfFiles({ files }: Run) {
  if (files === undefined) throw new Error('files were asked for, and none are configured');
  return files;
}

async function makeIndexed(run: Run, files: Files): Promise<'complete' | 'unfinished' | 'not-yet'> {
  const { firestore, config, clock, log, job, deadline, signal } = run;
  const { settings, indexArchive } = placeOfFiles(run);
  const onStep = (scanned: number) => {
    files.reads += scanned;
  };
  const progress = await completeIndex(
    { firestore, config, settings, clock, log, onStep, indexArchive },
    { deadline, signal },
    job.startedAt,
  );
  files.isIndexed = progress.kind === 'complete';
  files.notBefore = progress.kind === 'not-yet' ? progress.until : null;
  return progress.kind;
}

async function listPage(run: Run, files: Files): Promise<void> {
  const { firestore, gate, clock, limits, request } = run;
  const { settings, bucket } = placeOfFiles(run);
  const { prefix } = settings.place;
  const page = await (await bucket()).list({ prefix, limit: filesPerPage, ...(files.next && { from: files.next }) });
  const objects = page.objects.filter(({ name }) => isFileName(name, settings.place));
  // Files are uploaded before the asset is written that names them.
  const settledBy = clock.now() - Math.max(limits.graceMs, settings.graceMs);
  const settled = objects.filter(({ createdAt }) => createdAt <= settledBy);
  const { names, reads } = await gate.pass(settled.length, () =>
    recordedNames(
      firestore,
      settled.map(({ name }) => name),
    ),
  );
  // All at once, so that whoever keeps the progress keeps all of it.
  files.lists += 1;
  files.reads += reads;
  files.listed += objects.length;
  files.bytes += bytesOf(objects);
  files.young += objects.length - settled.length;
  const unnamed = settled.filter(({ name }) => !names.has(name));
  files.unnamedBytes += bytesOf(unnamed);
  run.job.findings['unnamed-file'] += unnamed.length;
  const days = request.filesOlderThanDays;
  for (const { name, bytes, createdAt } of unnamed) {
    const detail = `no asset names it; ${bytes} bytes, uploaded ${new Date(createdAt).toISOString()}`;
    addExample(run, { kind: 'unnamed-file', projectId: null, collections: [], path: name, detail });
    if (days !== undefined && createdAt <= clock.now() - days * dayMs) addOld(files, name);
  }
  files.next = page.next ?? null;
  files.done = page.next === undefined;
}

function bytesOf(objects: readonly Pick<ObjectInfo, 'bytes'>[]): number {
  return objects.reduce((sum, { bytes }) => sum + bytes, 0);
}

function addOld(files: Files, name: string): void {
  files.old += 1;
  const bytes = files.found.reduce((sum, found) => sum + Buffer.byteLength(found), Buffer.byteLength(name));
  if (bytes <= keptBytes) files.found.push(name);
}

/** Has the old ones removed, unless there are more than are allowed. It is only asked for: the removal looks at each
 *  again, after its grace time. */
export async function removeUnnamedFiles(run: Run): Promise<PassEnd> {
  const { job, firestore, clock, keeper } = run;
  const { files } = job;
  if (files === null || files.listedAt === null || files.found.length === 0) return { kind: 'complete' };
  if (files.old > (files.allowed ?? 0)) return { kind: 'complete' };
  const { settings } = placeOfFiles(run);
  const { listedAt: deletedAt, found } = files;
  const dueAt = clock.now() + settings.graceMs;
  const { bucket } = settings.place;
  await firestore.runTransaction(async (transaction) =>
    writeRemoval(firestore, transaction, { projectId: null, bucket, files: found, deletedAt, dueAt }),
  );
  files.asked += found.length;
  files.found = [];
  keeper.changed([]);
  return { kind: 'complete' };
}
