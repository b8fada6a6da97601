import { type DocumentReference, type DocumentSnapshot, Timestamp } from 'firebase-admin/firestore';
import { dayMs, hourMs, minuteMs } from '../clock.ts';
import { type ControlReader, pauseOf } from '../control/control.ts';
import { errorText } from '../log.ts';
import { type Bucket, BucketError, type ObjectInfo } from '../storage/bucket.ts';
import { completeIndex, type WalkDependencies } from './completeIndex.ts';
import { isFileName } from './fileName.ts';
import { dueRemovals, FileRecordError, indexStateRef, parseRemoval, type Removal, removalData } from './fileRecords.ts';
import { indexAsset } from './indexAsset.ts';
import { type FileVerdict, judgeFile } from './judgeFile.ts';
import { namingOf } from './namedBy.ts';

/** Files that are settled between two writes of their removal: what a crash has done again at most, which finds most
 *  of them gone. */
const filesPerStep = 300;

/** Calls of Cloud Storage at once. It asks for a slow start only beyond 1,000 a second
 *  (https://cloud.google.com/storage/docs/request-rate). */
const parallelCalls = 16;

/** Failures after which a run leaves the rest of a removal to a later one: the bucket is throttled or unavailable. A
 *  refusal is none of them: of any number of files, each may be held. */
const mostFailures = 10;

/** What went wrong with a removal in a run. */
interface Problems {
  first: unknown;
  failures: number;
}

/** How long news of an asset may be late: Eventarc gives an event up after a day
 *  (https://cloud.google.com/eventarc/docs/retry-events). From then on its record is corrected here. */
const latestNewsMs = 25 * hourMs;

const pause = { firstMs: minuteMs, longestMs: dayMs } as const;

export interface RemoveDependencies extends Omit<WalkDependencies, 'onStep'> {
  readonly bucket: Pick<Bucket, 'find' | 'deleteVersion'>;
  /** While people have paused deletions, no file goes. */
  readonly control: ControlReader;
}

/** What a run has done with files. `left`: names that are kept for another try. */
export type RemovedFiles = Record<FileVerdict['kind'] | 'failed', number>;

/** Removes the files whose time has come and that nobody names, until none is due or the time is over. One run is
 *  enough; several at once do no harm.
 *
 *  Costs 1 read when nothing is due, and else 1 to see that it is known who names which files (`completeIndex`); per
 *  file one request to look and one to delete, and the reads of `namingOf`; per 300 files a read and a write of their
 *  record.
 *  @throws what Firestore answered: everything that is not settled stands in its record, and is due again. */
export async function removeDueFiles(
  dependencies: RemoveDependencies,
  { deadline, signal }: { readonly deadline: number; readonly signal: AbortSignal },
): Promise<RemovedFiles> {
  const { firestore, clock, log } = dependencies;
  const total: RemovedFiles = { remove: 0, gone: 0, named: 0, newer: 0, waits: 0, failed: 0 };
  const isOver = () => clock.now() >= deadline || signal.aborted;
  let isIndexed = false;
  while (!isOver()) {
    const { docs } = await dueRemovals(firestore, clock.now()).limit(1).get();
    const [due] = docs;
    if (due === undefined) break;
    if (pauseOf(await dependencies.control.read(), 'deletions') !== undefined) break;
    const isState = due.id === indexStateRef(firestore).id;
    if (isState || !isIndexed) isIndexed = await hasCompleteIndex(dependencies, { deadline, signal });
    if (!isIndexed) break;
    if (isState) continue;
    await workOff(dependencies, due, total, isOver);
  }
  if (Object.values(total).some((count) => count > 0)) {
    const { remove: removed, ...others } = total;
    log.info('files of deleted assets were looked at', { removed, ...others });
  }
  return total;
}

/** Before it is known what all assets name, every file may be named by one. */
async function hasCompleteIndex(
  dependencies: RemoveDependencies,
  budget: Parameters<typeof completeIndex>[1],
): Promise<boolean> {
  const progress = await completeIndex(dependencies, budget);
  if (progress.kind === 'complete') return true;
  const until = progress.kind === 'not-yet' ? { beginsAt: new Date(progress.until).toISOString() } : {};
  dependencies.log.info('files stay until it is known which ones all assets name', { state: progress.kind, ...until });
  return false;
}

/** One removal: settled, left, or put off. */
async function workOff(
  dependencies: RemoveDependencies,
  due: DocumentSnapshot,
  total: RemovedFiles,
  isOver: () => boolean,
): Promise<void> {
  const { clock, log, settings } = dependencies;
  const removal = await readRemoval(dependencies, due);
  if (removal === undefined) return;
  const problems: Problems = { first: undefined, failures: 0 };
  const waiting: string[] = [];
  // The record is not asked whether its names are ours: it may have been edited, or be of an earlier configuration.
  const isHere = removal.bucket === null || removal.bucket === settings.place.bucket;
  let open = isHere ? removal.files.filter((name) => isFileName(name, settings.place)) : [];
  if (open.length < removal.files.length) {
    log.warn('names outside of bucket and prefix were dropped from a removal', { record: due.ref.path });
    await settle(
      dependencies,
      due.ref,
      removal.files.filter((name) => !open.includes(name)),
    );
  }
  while (open.length > 0 && !isOver() && problems.failures < mostFailures) {
    const step = open.slice(0, filesPerStep);
    open = open.slice(filesPerStep);
    const settled: string[] = [];
    const outcomes = await workStep(dependencies, removal, step, problems);
    for (const [name, kind] of outcomes) {
      total[kind] += 1;
      if (kind === 'waits' || kind === 'failed') waiting.push(name);
      else settled.push(name);
    }
    await settle(dependencies, due.ref, settled);
  }
  const problem = problems.first;
  if (waiting.length === 0) return;
  await putOff(dependencies, due.ref, removal, problem);
  const fields = {
    projectId: removal.projectId,
    record: due.ref.path,
    files: waiting.length,
    waitingSince: new Date(removal.deletedAt).toISOString(),
  };
  if (problem === undefined) log.info('files stay until the news of assets that are gone has arrived', fields);
  else if (problem instanceof BucketError && problem.isRefused) {
    log.alarm('files-refused', 'files of deleted assets cannot be removed', { ...fields, error: errorText(problem) });
  } else log.warn('files could not be removed; retrying', { ...fields, error: errorText(problem) });
  if (clock.now() - removal.deletedAt > latestNewsMs) await correctRecords(dependencies, waiting);
}

/** Undefined for one that cannot be understood: it is put off as it is, so that the others go on. */
async function readRemoval({ clock, log }: RemoveDependencies, due: DocumentSnapshot): Promise<Removal | undefined> {
  try {
    return parseRemoval(due);
  } catch (error) {
    if (!(error instanceof FileRecordError)) throw error;
    log.error('a record of files is left alone', { record: due.ref.path, error: errorText(error) });
    await due.ref.update({ dueAt: Timestamp.fromMillis(clock.now() + pause.longestMs) });
    return undefined;
  }
}

type Outcome = FileVerdict['kind'] | 'failed';

async function workStep(
  dependencies: RemoveDependencies,
  removal: Removal,
  names: readonly string[],
  problems: Problems,
): Promise<ReadonlyMap<string, Outcome>> {
  const { bucket } = dependencies;
  const outcomes = new Map<string, Outcome>();
  const attempt = (name: string, run: () => Promise<Outcome | undefined>) => async () => {
    try {
      const outcome = problems.failures < mostFailures ? await run() : 'failed';
      if (outcome !== undefined) outcomes.set(name, outcome);
    } catch (error) {
      note(problems, error);
      outcomes.set(name, 'failed');
    }
  };
  // In this order: a file that is uploaded again after it was seen here has another generation, and stays.
  const files = new Map<string, ObjectInfo | undefined>();
  await inParallel(
    names.map((name) =>
      attempt(name, async () => {
        files.set(name, await bucket.find(name));
        return undefined;
      }),
    ),
  );
  const seen = [...files.keys()];
  const present = seen.filter((name) => files.get(name) !== undefined);
  const namings = await namingOf(dependencies, present);
  await inParallel(
    seen.map((name) =>
      attempt(name, async () => {
        const naming = namings.get(name)?.naming ?? 'free';
        const verdict = judgeFile(files.get(name), naming, removal.deletedAt);
        if (verdict.kind !== 'remove') return verdict.kind;
        const done = await bucket.deleteVersion(name, verdict.generation);
        return done === 'deleted' ? 'remove' : done === 'absent' ? 'gone' : 'newer';
      }),
    ),
  );
  return outcomes;
}

function note(problems: Problems, error: unknown): void {
  problems.first ??= error;
  if (!(error instanceof BucketError && error.isRefused)) problems.failures += 1;
}

async function inParallel(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const queue = [...tasks];
  const work = async () => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) await task();
  };
  await Promise.all(Array.from({ length: parallelCalls }, work));
}

/** Takes names out of a removal, and the removal with the last one. */
async function settle(
  { firestore }: RemoveDependencies,
  ref: DocumentReference,
  settled: readonly string[],
): Promise<void> {
  if (settled.length === 0) return;
  const gone = new Set(settled);
  await firestore.runTransaction(async (transaction) => {
    const snapshot = await transaction.get(ref);
    if (!snapshot.exists) return;
    const files = parseRemoval(snapshot).files.filter((name) => !gone.has(name));
    if (files.length === 0) transaction.delete(ref);
    else transaction.update(ref, { files });
  });
}

async function putOff(
  { firestore, clock }: RemoveDependencies,
  ref: DocumentReference,
  { attempts }: Removal,
  problem: unknown,
): Promise<void> {
  const dueAt = clock.now() + Math.min(pause.firstMs * 2 ** attempts, pause.longestMs);
  await firestore.runTransaction(async (transaction) => {
    const snapshot = await transaction.get(ref);
    if (!snapshot.exists) return;
    const lastError = problem === undefined ? null : errorText(problem).slice(0, maxErrorLength);
    transaction.set(ref, removalData({ ...parseRemoval(snapshot), dueAt, attempts: attempts + 1, lastError }));
  });
}

/** Longest error text kept, in characters. */
const maxErrorLength = 1_000;

/** Brings records that nobody has corrected to what their assets are now. */
async function correctRecords(dependencies: RemoveDependencies, names: readonly string[]): Promise<void> {
  const namings = await namingOf(dependencies, names);
  const stale = [...namings.values()].filter(({ naming }) => naming === 'stale').flatMap(({ assets }) => assets);
  for (const path of new Set(stale)) await indexAsset(dependencies, path);
}
