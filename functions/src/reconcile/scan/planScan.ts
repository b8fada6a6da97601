import { recordCollections } from '../../config/defineConfig.ts';
import { noFindings } from '../findings.ts';
import { addExample, type Run } from '../runRecord.ts';
import { type AssetIndex, readsToCount } from './assetIndex.ts';
import { rangesFromSample, rangesOfProjects, samplesPerRange } from './idOrder.ts';
import { indexesOf, isCounting } from './scanPass.ts';

/** Where projects are counted, thirty at a time, short ranges would only make more counts: at 1,000 projects 178 calls
 *  instead of 271 (`npm run bench -- reconcile`). */
const rangesInOne = 4;

/** Counts the collections and cuts the project ids into ranges. */
export async function planScan(run: Run): Promise<void> {
  const { job, request, limits, inMongo } = run;
  // An invocation that ended in the middle of this may have left a part of it.
  job.findings = noFindings();
  job.examples = [];
  job.recordsTotal = await countRecords(run);
  if (request.projectIds !== undefined) {
    job.ranges = rangesOfProjects(request.projectIds).map((range) => ({ ...range, done: false }));
    for (const tally of job.collections) tally.lacksCopies = hasCopies(run, tally.name);
    return;
  }
  const perRange = limits.projectsPerRange * (isCounting(run) ? rangesInOne : 1);
  const ranges = Math.max(1, Math.min(limits.ranges, Math.ceil(job.source.projects / perRange)));
  const [sample] = await Promise.all([
    ranges > 1 ? run.lookups.pass(1, () => inMongo.sample(ranges * samplesPerRange)) : [],
    ...indexesOf(run).map((index) => countCollection(run, index)),
  ]);
  job.ranges = rangesFromSample(sample, ranges).map((range) => ({ ...range, done: false }));
}

/** How many records are to be compared; null in a run over single collections. One read per thousand. */
async function countRecords({ firestore, gate, job, request, config, collections }: Run): Promise<number | null> {
  if (collections.length < config.collections.length) return null;
  if (request.projectIds !== undefined) return request.projectIds.length;
  const records = firestore.collection(recordCollections.projects);
  const total = (await gate.pass(1, () => records.count().get())).data().count;
  job.recordReads += readsToCount(total);
  return total;
}

function hasCopies(run: Run, name: string): boolean {
  return Object.keys(run.collections.find((collection) => collection.name === name)?.copies ?? {}).length > 0;
}

async function countCollection(run: Run, index: AssetIndex): Promise<void> {
  const { job, limits } = run;
  const { name, projectId } = index.collection;
  const counts = await index.countAll();
  const tally = job.collections.find((collection) => collection.name === name);
  if (tally === undefined) return;
  tally.assets = counts.assets;
  tally.lacksCopies = counts.withText.tuples !== counts.withText.ids;
  const examples = counts.withProjectId === counts.withText.ids ? [] : await index.unusable(limits.examples);
  // What is counted for a pattern of paths is its whole collection group: only what is read is known to be an asset.
  const isExact = index.collection.kind !== 'pattern';
  const missing = isExact ? counts.assets - counts.withProjectId : 0;
  const unusable = isExact ? counts.withProjectId - counts.withText.ids : examples.length;
  job.findings['missing-project-id'] += missing;
  job.findings['unusable-project-id'] += unusable;
  if (missing > 0) {
    const detail = `${missing} assets have no field ${projectId}; they are in no index, so only their number is known`;
    addExample(run, { kind: 'missing-project-id', projectId: null, collections: [name], path: null, detail });
  }
  for (const asset of examples) {
    const detail = `${projectId} is ${describe(asset.projectId)}`;
    addExample(run, { kind: 'unusable-project-id', projectId: null, collections: [name], path: asset.path, detail });
  }
}

function describe(value: unknown): string {
  if (value === '') return 'empty text';
  if (value === null) return 'null';
  return `not text (${Array.isArray(value) ? 'array' : typeof value})`;
}
