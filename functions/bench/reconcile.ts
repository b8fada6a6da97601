// Reconciliation by hops against the usual way, a scan of every asset: reads that Firestore would bill, calls, time and memory.
import { type DocumentSnapshot, FieldPath, type Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { startFirestoreServer } from '../local/firestore/server.ts';
import { startMongoServer } from '../local/mongodb/server.ts';
import { systemClock } from '../src/clock.ts';
import { type Config, defineConfig } from '../src/config/defineConfig.ts';
import type { Log } from '../src/log.ts';
import type { Applier } from '../src/reconcile/applier.ts';
import { defaultReconcileLimits } from '../src/reconcile/limits.ts';
import { requiredIndexes } from '../src/reconcile/requiredIndexes.ts';
import { runReconciliation } from '../src/reconcile/runReconciliation.ts';
import { connectSource, type ProjectsSource } from '../src/source/connect.ts';
import { createProjectTruth, type ProjectTruth } from '../src/source/truth.ts';

const projectCount = 1_000;
const assetsPerProject = [1, 10, 100];

/** Page of the full scan: large enough that its calls hardly count. */
const scanPage = 500;

/** Runs of each, of which the fastest counts: the machine has other work too. */
const runs = 3;

const config = defineConfig({
  source: { database: 'collaboration', collection: 'projects', fields: ['name'] },
  collections: [
    { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' } },
    { path: 'analyses', projectId: 'projectId' },
  ],
});

interface Measure {
  readonly reads: number;
  readonly calls: number;
  readonly ms: number;
  readonly mebibytes: number;
}

interface World {
  readonly firestore: Firestore;
  readonly server: Awaited<ReturnType<typeof startFirestoreServer>>;
  readonly source: ProjectsSource;
  readonly truth: ProjectTruth;
}

/** Keeps quiet. */
const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  alarm: (alarm, message) => console.error(alarm, message),
};

/** Nothing differs, so nothing is mended. */
const applier: Applier = { apply: () => Promise.reject(new Error('there was nothing to mend')) };

async function fullScan({ firestore, truth }: World, { collections }: Config): Promise<void> {
  let differences = 0;
  for (const collection of collections) {
    const copies = Object.entries(collection.copies);
    const fields = [collection.projectId, ...copies.map(([, target]) => target)];
    let last: DocumentSnapshot | undefined;
    for (;;) {
      const ordered = firestore
        .collection(collection.name)
        .orderBy(FieldPath.documentId())
        .select(...fields);
      const page = await (last === undefined ? ordered : ordered.startAfter(last)).limit(scanPage).get();
      const ids = new Set(page.docs.map((document) => String(document.get(collection.projectId))));
      const { projects } = await truth.ask([...ids]);
      for (const document of page.docs) {
        const project = projects.get(String(document.get(collection.projectId)));
        if (copies.some(([source, target]) => document.get(target) !== project?.fields[source])) differences += 1;
        if (project === undefined) differences += 1;
      }
      last = page.docs.at(-1);
      if (page.docs.length < scanPage) break;
    }
  }
  if (differences > 0) throw new Error('the data is in step, and the scan found differences');
}

async function hops(world: World): Promise<void> {
  let numbers = 0;
  const uniqueId = () => {
    numbers += 1;
    return `${process.pid}-${numbers}-${systemClock.now()}`;
  };
  const outcome = await runReconciliation(
    { ...world, applier, config, clock: systemClock, uniqueId, log, limits: defaultReconcileLimits },
    {
      request: { mode: 'report', reason: 'bench' },
      deadline: systemClock.now() + 3_600_000,
      signal: new AbortController().signal,
    },
  );
  if (outcome.kind !== 'done' || !outcome.report.checksum.equal) throw new Error(`the run ended with ${outcome.kind}`);
}

/** The fastest of some runs, and the most memory that one of them held above what was there before. */
async function measure(world: World, work: () => Promise<void>): Promise<Measure> {
  let best: Measure | undefined;
  let most = 0;
  for (let run = 0; run < runs; run += 1) {
    const before = world.server.meter.snapshot();
    const heap = process.memoryUsage().heapUsed;
    let peak = heap;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().heapUsed);
    }, 20);
    const startedAt = performance.now();
    await work();
    const ms = performance.now() - startedAt;
    clearInterval(watch);
    const used = world.server.meter.diff(before);
    most = Math.max(most, (peak - heap) / 2 ** 20);
    const calls = Object.values(used.rpcs).reduce((sum, count) => sum + count, 0);
    if (best === undefined || ms < best.ms) best = { reads: used.reads, calls, ms, mebibytes: 0 };
  }
  if (best === undefined) throw new Error('nothing was measured');
  return { ...best, mebibytes: most };
}

async function fill({ firestore, source, server }: World, perProject: number): Promise<void> {
  server.clear();
  await source.projects.deleteMany({});
  const projects = Array.from({ length: projectCount }, (_, number) => ({
    _id: new ObjectId(),
    name: `Project ${number}`,
  }));
  await source.projects.insertMany(projects);
  const perBatch = 500;
  let batch = firestore.batch();
  let size = 0;
  for (const { _id, name } of projects) {
    for (let number = 0; number < perProject; number += 1) {
      const projectId = _id.toHexString();
      batch.create(firestore.collection('storyboards').doc(), {
        projectId,
        projectName: name,
        title: `Board ${number}`,
      });
      batch.create(firestore.collection('analyses').doc(), { projectId, verdict: 'x'.repeat(100) });
      size += 2;
      if (size < perBatch) continue;
      await batch.commit();
      batch = firestore.batch();
      size = 0;
    }
  }
  if (size > 0) await batch.commit();
}

async function main(): Promise<void> {
  const server = await startFirestoreServer({ indexes: requiredIndexes(config) });
  const mongo = await startMongoServer();
  process.env.FIRESTORE_EMULATOR_HOST = server.host;
  const { initializeApp } = await import('firebase-admin/app');
  const { getFirestore } = await import('firebase-admin/firestore');
  initializeApp({ projectId: 'demo-bench' });
  const source = await connectSource(mongo.uri, config);
  const world: World = { firestore: getFirestore(), server, source, truth: createProjectTruth(source, config) };
  console.log(`${projectCount} projects, two collections, everything in step. Fastest of ${runs} runs each.\n`);
  console.log('assets per project        way     reads     calls        ms   MiB above start');
  for (const perProject of assetsPerProject) {
    await fill(world, perProject);
    const scan = await measure(world, () => fullScan(world, config));
    const ours = await measure(world, () => hops(world));
    for (const [way, used] of [
      ['full scan', scan],
      ['hops', ours],
    ] as const) {
      const cells = [used.reads, used.calls, Math.round(used.ms), Math.round(used.mebibytes)].map((value) =>
        String(value).padStart(9),
      );
      console.log(`${String(perProject).padStart(18)}  ${way.padStart(9)} ${cells.join(' ')}`);
    }
    const ratio = (a: number, b: number) => (a / b).toFixed(2);
    console.log(
      `${' '.repeat(18)}  ${ratio(scan.reads, ours.reads)} times fewer reads; ${ratio(ours.ms, scan.ms)} times the wall time of the full scan\n`,
    );
  }
  await source.close();
  await mongo.close();
  await server.close();
}

await main();
process.exit(0);
