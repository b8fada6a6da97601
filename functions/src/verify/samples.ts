import { FieldPath, type QueryDocumentSnapshot } from 'firebase-admin/firestore';
import { sleep } from '../clock.ts';
import type { AssetCollection } from '../config/defineConfig.ts';
import { addExample, isOver, type PassEnd, type Run } from '../reconcile/runRecord.ts';
import { copyDifference } from '../reconcile/scan/differenceText.ts';
import { assetsAmong, assetsAt } from '../records/assetQuery.ts';
import { fieldPathOf } from '../records/fieldPath.ts';
import type { ProjectSnapshot } from '../source/lookup.ts';
import { compareWithHistory, historyBegins } from './history.ts';
import { verificationOf } from './verification.ts';

/** Assets read at once: whole documents may be large. */
const assetsPerPage = 50;

/** Assets of one project and collection that are read: what a sample costs is bounded, and so is its time. */
const maxAssets = 2_000;

/** What is wrong with one asset. */
interface Difference {
  readonly collection: string;
  readonly path: string;
  readonly detail: string;
}

/** Reads some projects whole: every asset document, field by field against what MongoDB says. The scan reads the index
 *  only, and hops: this is another way to the same answer. Costs one read per asset of these projects. */
export async function samplePass(run: Run, wanted: number): Promise<PassEnd> {
  const { job, keeper } = run;
  const verification = verificationOf(run);
  verification.samples ??= [...(await pick(run, wanted))];
  const since = verification.samples.length === 0 ? null : await historyBegins(run);
  for (let id = verification.samples[verification.sampled]; id !== undefined; ) {
    if (isOver(run)) return { kind: 'out-of-time' };
    const { differences, assets } = await compareSettled(run, id);
    if (since !== null) await compareWithHistory(run, id, since);
    // All at once, so that whoever keeps the progress keeps all of it.
    verification.assets += assets;
    verification.sampled += 1;
    const [first] = differences;
    if (first !== undefined) {
      job.findings['sample-differs'] += 1;
      const collections = [...new Set(differences.map(({ collection }) => collection))];
      addExample(run, { kind: 'sample-differs', projectId: id, collections, path: first.path, detail: first.detail });
    }
    keeper.changed([]);
    id = verification.samples[verification.sampled];
  }
  return { kind: 'complete' };
}

async function pick({ request, inMongo, lookups }: Run, wanted: number): Promise<readonly string[]> {
  if (wanted === 0) return [];
  if (request.projectIds !== undefined) return request.projectIds.slice(0, wanted);
  return [...new Set(await lookups.pass(1, () => inMongo.sample(wanted)))];
}

/** What differs now, and still does a while later. */
async function compareSettled(run: Run, projectId: string) {
  const first = await compare(run, projectId);
  if (first.differences.length === 0) return first;
  await sleep(run.clock, run.limits.settleMs, run.signal);
  return compare(run, projectId);
}

async function compare(
  run: Run,
  projectId: string,
): Promise<{ readonly differences: readonly Difference[]; readonly assets: number }> {
  const differences: Difference[] = [];
  let assets = 0;
  for (const collection of run.collections) {
    for await (const documents of assetsOf(run, collection, projectId)) {
      assets += documents.length;
      const { projects } = await run.lookups.pass(1, () => run.truth.ask([projectId]));
      const snapshot = projects.get(projectId);
      for (const document of documents) {
        for (const detail of differencesOf(document, collection, snapshot)) {
          differences.push({ collection: collection.name, path: document.ref.path, detail });
        }
      }
    }
  }
  return { differences, assets };
}

async function* assetsOf(
  run: Run,
  collection: AssetCollection,
  projectId: string,
): AsyncGenerator<readonly QueryDocumentSnapshot[]> {
  const { firestore, gate } = run;
  const sorted = assetsAt(firestore, collection)
    .where(fieldPathOf(collection.projectId), '==', projectId)
    .orderBy(FieldPath.documentId())
    .limit(assetsPerPage);
  let query = sorted;
  for (let read = 0; read < maxAssets; read += assetsPerPage) {
    const { docs } = await gate.pass(assetsPerPage, () => query.get());
    verificationOf(run).reads += Math.max(1, docs.length);
    const assets = assetsAmong(collection, docs);
    if (assets.length > 0) yield assets;
    const last = docs.at(-1);
    if (last === undefined || docs.length < assetsPerPage) return;
    query = sorted.startAfter(last);
  }
}

/** How an asset differs from its project, each in one text. */
function differencesOf(
  document: QueryDocumentSnapshot,
  { copies }: AssetCollection,
  snapshot: ProjectSnapshot | undefined,
): string[] {
  if (snapshot === undefined) return ['its project is not in MongoDB'];
  return Object.entries(copies).flatMap(([source, target]) => {
    const difference = copyDifference(document.get(fieldPathOf(target)), source, snapshot);
    return difference === undefined ? [] : [`${target}: ${difference}`];
  });
}
