import { join } from 'node:path';
import { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { syncInstanceMiB } from '../../src/sync/instance.ts';
import type { BenchOptions, BenchTable, Figure } from '../benchmark.ts';
import { type FirestoreProcess, startFirestoreProcess } from '../processes/firestoreProcess.ts';
import { likeTheFunction, roomForMany, startAnswering } from '../processes/requests.ts';
import { benchProjectId } from '../processes/servicesProcess.ts';
import { seedAssets } from '../seedAssets.ts';
import { scaleConfig } from './config.ts';
import { bytesPerMebibyte } from './limits.ts';
import { longName } from './longName.ts';

/** Events that one instance has in hand at once, each about a project of its own. */
export interface HeavyEvents {
  readonly title: string;
  readonly kind: 'delete' | 'archive' | 'rename';
  readonly events: number;
  readonly assetsEach: number;
  /** Of the name that each asset repeats; a rename leaves it as long. */
  readonly nameBytes: number;
}

export interface HeavyRun extends HeavyEvents {
  readonly ms: number;
  /** How long the instance kept a processor busy. */
  readonly cpuMs: number;
  readonly peakRss: number;
}

const runSchema = z.object({ ms: z.number(), cpuMs: z.number() });

/** Lets an instance that has done nothing before work on heavy events, all at once.
 *  @throws Error when an asset is not as its event says, or the instance needed more memory than it is declared. */
export async function measureHeavyEvents(
  cases: readonly HeavyEvents[],
  { onProgress }: Pick<BenchOptions, 'onProgress'>,
): Promise<readonly HeavyRun[]> {
  const runs: HeavyRun[] = [];
  for (const heavy of cases) {
    onProgress(`${heavy.title}: ${heavy.events} events at once`);
    const run = await workOn(heavy);
    const peak = `${mebibytes(run)} of ${syncInstanceMiB} MiB`;
    onProgress(`${heavy.title}: ${peak}, ${(run.cpuMs / 1_000).toFixed(1)} s of a processor`);
    if (mebibytes(run) > syncInstanceMiB) throw new Error(`${heavy.title}: ${peak} at the peak`);
    runs.push(run);
  }
  return runs;
}

const mebibytes = ({ peakRss }: HeavyRun) => Math.round(peakRss / bytesPerMebibyte);

export function heavyEventsFigures(runs: readonly HeavyRun[]): readonly Figure[] {
  return runs.map((run) => ({
    name: `scale memory ${run.title.replaceAll(' ', '-')}/declared`,
    unit: 'ratio',
    better: 'lower',
    kind: 'timed',
    samples: [mebibytes(run) / syncInstanceMiB],
  }));
}

export function heavyEventsTable(runs: readonly HeavyRun[]): BenchTable {
  return {
    title: 'Heavy events at once in one instance',
    headings: [
      'what',
      'events',
      'assets each',
      'bytes of a name',
      'seconds',
      'CPU seconds',
      'peak MiB',
      'declared MiB',
    ],
    rows: runs.map((run) => [
      run.title,
      run.events,
      run.assetsEach,
      run.nameBytes,
      (run.ms / 1_000).toFixed(1),
      (run.cpuMs / 1_000).toFixed(1),
      mebibytes(run),
      syncInstanceMiB,
    ]),
  };
}

async function workOn(heavy: HeavyEvents): Promise<HeavyRun> {
  const { kind, nameBytes, events } = heavy;
  const server = await startFirestoreProcess(roomForMany);
  const firestore = new Firestore({ projectId: benchProjectId, host: server.host, ssl: false });
  const worker = startAnswering(
    join(import.meta.dirname, '..', 'processes', 'scaleProgram.ts'),
    [server.host],
    likeTheFunction,
  );
  try {
    const projectIds = Array.from({ length: events }, (_, index) => `project-${index}`);
    for (const projectId of projectIds) await seedProject(firestore, projectId, heavy);
    const { ms, cpuMs } = await worker.ask('atOnce', { kind, projectIds, nameBytes }, runSchema);
    const peakRss = await worker.ask('peakRss', null, z.number());
    if (kind !== 'rename') await checkGone(server, firestore);
    else for (const projectId of projectIds) await checkNames(firestore, projectId, heavy);
    return { ...heavy, ms, cpuMs, peakRss };
  } finally {
    await worker.close();
    await firestore.terminate();
    await server.close();
  }
}

async function seedProject(
  firestore: Firestore,
  projectId: string,
  { kind, assetsEach, nameBytes }: HeavyEvents,
): Promise<void> {
  // What repeats no name has nothing to be renamed.
  const places = scaleConfig.collections.filter(({ copies }) => kind !== 'rename' || Object.keys(copies).length > 0);
  const name = longName(projectId, 0, nameBytes);
  // A commit has 10 MiB at most.
  const atOnce = Math.min(10_000, Math.max(1, Math.floor(5_000_000 / nameBytes)));
  for (const [index, { name: collection }] of places.entries()) {
    const share = Math.floor(assetsEach / places.length) + (index < assetsEach % places.length ? 1 : 0);
    for (let written = 0; written < share; written += atOnce) {
      await seedAssets(firestore, collection, projectId, Math.min(atOnce, share - written), name);
    }
  }
}

async function checkGone(server: FirestoreProcess, firestore: Firestore): Promise<void> {
  const counts = scaleConfig.collections.map(({ name }) => firestore.collection(name).count().get());
  const left = (await Promise.all(counts)).reduce((sum, count) => sum + count.data().count, 0);
  if (left > 0) throw new Error(`${left} assets are left (documents: ${await server.documents()})`);
}

async function checkNames(
  firestore: Firestore,
  projectId: string,
  { assetsEach, nameBytes }: HeavyEvents,
): Promise<void> {
  const name = longName(projectId, 1, nameBytes);
  let shown = 0;
  for (const collection of scaleConfig.collections) {
    const assets = firestore.collection(collection.name).where('projectId', '==', projectId);
    const { docs } = await assets.select('projectName').get();
    shown += docs.filter((asset) => asset.get('projectName') === name).length;
  }
  if (shown !== assetsEach) throw new Error(`${shown} of ${assetsEach} assets of ${projectId} show its name`);
}
