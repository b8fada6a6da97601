import type { Firestore, Query, QueryDocumentSnapshot, Transaction } from 'firebase-admin/firestore';
import type { Config } from '../../config/defineConfig.ts';
import { liesIn } from '../../config/place.ts';
import { pauseOf } from '../../control/control.ts';
import { projectIdProblem } from '../../events/projectId.ts';
import { isTooBig } from '../../grpc.ts';
import { behind, everythingBelow } from '../../records/below.ts';
import { fieldPathOf } from '../../records/fieldPath.ts';
import { isSourceError } from '../projectsInMongo.ts';
import { type Failures, recordFailure } from '../repairPass.ts';
import { isOver, type PassEnd, type Run } from '../runRecord.ts';

/** Documents that one transaction reads at most, and so deletes; fewer where Firestore calls that too big. */
const documentsPerPage = 400;

/** Removes the phantoms that were found, unless there are more than are allowed. What lies below one stays, with all
 *  below it, if it is an asset or names a living project, or is younger than the grace period. What is paused is put
 *  off: the next run finds it again. */
export async function removePhantoms(run: Run): Promise<PassEnd> {
  const { phantoms, findings, repair } = run.job;
  if (phantoms === null || findings.phantom > (phantoms.allowed ?? 0)) return { kind: 'complete' };
  const failures: Failures = { count: 0 };
  for (let path = phantoms.found[0]; path !== undefined; path = phantoms.found[0]) {
    try {
      const removed = await walk(run, path, true);
      const left = typeof removed === 'number' ? await walk(run, path, false) : removed;
      if (removed === 'out-of-time' || left === 'out-of-time') return { kind: 'out-of-time' };
      if (typeof left === 'number' && left > 0) {
        throw new Error(`it is as it was after its repair: ${left} documents below it should be gone`);
      }
      if (removed === 'paused') repair.outcomes.deferred += 1;
      else if (removed > 0) repair.outcomes.applied += 1;
      else repair.outcomes.settled += 1;
    } catch (error) {
      if (isSourceError(error) || run.signal.aborted) throw error;
      recordFailure(run, path, error, failures);
    }
    phantoms.found.shift();
    run.keeper.changed([]);
  }
  return { kind: 'complete' };
}

/** Walks over what lies below a missing document, page by page, and tells how many documents had to go. None when it
 *  exists. */
async function walk(run: Run, path: string, isRemoving: boolean): Promise<number | 'out-of-time' | 'paused'> {
  const { phantoms, repair } = run.job;
  let begin: Begin | null = null;
  let due = 0;
  let size = documentsPerPage;
  for (;;) {
    if (isOver(run)) return 'out-of-time';
    if (isRemoving && (await isPaused(run, path))) return 'paused';
    const from: Begin | null = begin;
    try {
      const page: Page = await run.gate.pass(size, () =>
        run.firestore.runTransaction((transaction) => walkPage(run, transaction, path, from, isRemoving, size)),
      );
      due += page.due;
      if (isRemoving) {
        repair.outcomes.assets += page.due;
        if (phantoms !== null) phantoms.removed += page.due;
      }
      if (page.next === null) return due;
      begin = page.next;
    } catch (error) {
      if (size === 1 || !isTooBig(error)) throw error;
      size = Math.ceil(size / 2);
    }
  }
}

/** Whether nothing may be deleted below a document now, as of a few seconds ago. */
async function isPaused({ control, collections, isShadow }: Run, path: string): Promise<boolean> {
  const now = await control.read();
  const isPausedHere = collections.some(
    (collection) => liesIn(collection, path) && pauseOf(now, `collection:${collection.name}`) !== undefined,
  );
  return isShadow === true || isPausedHere || pauseOf(now, 'deletions') !== undefined;
}

/** Where a page begins: at a path, or behind it. */
type Begin = { readonly at: string } | { readonly after: string };

interface Page {
  /** Documents of it that had to go. */
  readonly due: number;
  /** Null when there is no page behind it. */
  readonly next: Begin | null;
}

async function walkPage(
  run: Run,
  transaction: Transaction,
  path: string,
  from: Begin | null,
  isRemoving: boolean,
  size: number,
): Promise<Page> {
  const { firestore, config, clock, limits } = run;
  const parent = await transaction.get(firestore.doc(path));
  if (parent.exists) return { due: 0, next: null };
  const owners = [...new Set(config.collections.map(({ projectId }) => projectId))].map(fieldPathOf);
  const all = everythingBelow(firestore, path);
  const query = from === null ? all : beginning(firestore, all, from);
  const { docs } = await transaction.get(query.select(...owners).limit(size));
  const namedBy = (document: QueryDocumentSnapshot) =>
    owners.map((field): unknown => document.get(field)).filter((id) => typeof id === 'string');
  const living = await livingAmong(run, docs.flatMap(namedBy));
  const graceBegins = clock.now() - limits.graceMs;
  let kept: string | undefined;
  let due = 0;
  for (const document of docs) {
    if (kept !== undefined && document.ref.path.startsWith(`${kept}/`)) continue;
    const isYoung = document.createTime.toMillis() > graceBegins;
    if (isYoung || isAsset(config, document) || namedBy(document).some((id) => living.has(id))) {
      kept = document.ref.path;
      continue;
    }
    due += 1;
    if (isRemoving) transaction.delete(document.ref);
  }
  const last = docs.at(-1)?.ref.path;
  if (last === undefined || docs.length < size) return { due, next: null };
  const isBelowKept = kept !== undefined && (last === kept || last.startsWith(`${kept}/`));
  return { due, next: isBelowKept && kept !== undefined ? { at: behind(kept) } : { after: last } };
}

function beginning(firestore: Firestore, query: Query, from: Begin): Query {
  return 'at' in from ? query.startAt(firestore.doc(from.at)) : query.startAfter(firestore.doc(from.after));
}

async function livingAmong(run: Run, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const usable = [...new Set(ids)].filter((id) => projectIdProblem(id) === undefined);
  if (usable.length === 0) return new Set();
  const { projects } = await run.lookups.pass(1, () => run.truth.ask(usable));
  return new Set(projects.keys());
}

/** Whether a document is in a configured collection: what becomes of it is its project's. */
function isAsset({ collections }: Config, { ref }: QueryDocumentSnapshot): boolean {
  return collections.some((collection) => liesIn(collection, ref.path));
}
