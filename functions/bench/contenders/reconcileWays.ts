import { type DocumentSnapshot, FieldPath, type Firestore } from 'firebase-admin/firestore';
import { systemClock } from '../../src/clock.ts';
import { type Config, defineConfig } from '../../src/config/defineConfig.ts';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import { findingsOf } from '../../src/reconcile/progress.ts';
import { runReconciliation } from '../../src/reconcile/run.ts';
import type { Applier } from '../../src/reconcile/runRecord.ts';
import type { ProjectsSource } from '../../src/source/connect.ts';
import type { ProjectTruth } from '../../src/source/truth.ts';
import { loudLog } from './loudLog.ts';

/** What is compared: two collections, one of them with a copy. */
export const reconcileConfig: Config = defineConfig({
  source: { database: 'bench', collection: 'projects', fields: ['name'] },
  collections: [
    { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' } },
    { path: 'analyses', projectId: 'projectId' },
  ],
});

/** What a way works with. */
export interface ReconcileContext {
  readonly firestore: Firestore;
  readonly source: ProjectsSource;
  readonly truth: ProjectTruth;
}

/** What a way has compared. */
export interface Compared {
  readonly projects: number;
  readonly assets: number;
}

/** One way of comparing all assets with all projects.
 *  @throws Error when it finds a difference: everything is in step */
export type ReconcileWay = (context: ReconcileContext) => Promise<Compared>;

/** Page of the full scan, in documents: large enough that its calls hardly count. */
const scanPage = 500;

/** The usual way: every asset is read, page by page and projected to what is compared, and each page's projects are
 *  asked for in MongoDB. */
const fullScan: ReconcileWay = async ({ firestore, truth }) => {
  let differences = 0;
  let assets = 0;
  const seen = new Set<string>();
  for (const collection of reconcileConfig.collections) {
    const copies = Object.entries(collection.copies);
    const ordered = firestore
      .collection(collection.name)
      .orderBy(FieldPath.documentId())
      .select(collection.projectId, ...copies.map(([, target]) => target))
      .limit(scanPage);
    let last: DocumentSnapshot | undefined;
    do {
      const page = await (last === undefined ? ordered : ordered.startAfter(last)).get();
      const ids = new Set(page.docs.map((document) => String(document.get(collection.projectId))));
      const { projects } = await truth.ask([...ids]);
      assets += page.size;
      for (const id of ids) seen.add(id);
      for (const document of page.docs) {
        const project = projects.get(String(document.get(collection.projectId)));
        const isStale = copies.some(([source, target]) => document.get(target) !== project?.fields[source]);
        if (project === undefined || isStale) differences += 1;
      }
      last = page.size < scanPage ? undefined : page.docs.at(-1);
    } while (last !== undefined);
  }
  if (differences > 0) throw new Error(`the data is in step, and the scan found ${differences} differences`);
  return { projects: seen.size, assets };
};

/** Lockstep's reconciliation in mode `report`, with its lease, its kept progress and its report in Firestore. */
const ours: ReconcileWay = async (context) => {
  const applier: Applier = { apply: () => Promise.reject(new Error('there was nothing to repair')) };
  let ids = 0;
  const uniqueId = () => {
    ids += 1;
    return `${process.pid}-${systemClock.now()}-${ids}`;
  };
  const outcome = await runReconciliation(
    {
      ...context,
      applier,
      config: reconcileConfig,
      clock: systemClock,
      uniqueId,
      log: loudLog,
      limits: defaultReconcileLimits,
    },
    {
      request: { mode: 'report', reason: 'bench' },
      deadline: systemClock.now() + longestRunMs,
      signal: new AbortController().signal,
    },
  );
  if (outcome.kind !== 'done' || findingsOf(outcome.report) > 0) throw new Error(`the run ended with ${outcome.kind}`);
  const { projects, collections } = outcome.report;
  return { projects, assets: collections.reduce((sum, { assets }) => sum + (assets ?? 0), 0) };
};

/** No run is cut into invocations here, in ms. */
const longestRunMs = 3_600_000;

export const reconcileWays = { ours, 'full-scan': fullScan } as const satisfies Readonly<Record<string, ReconcileWay>>;

export type ReconcileWayName = keyof typeof reconcileWays;

export function isReconcileWay(name: string): name is ReconcileWayName {
  return Object.hasOwn(reconcileWays, name);
}
