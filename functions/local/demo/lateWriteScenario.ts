import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Timestamp } from 'firebase-admin/firestore';
import { minuteMs, systemClock } from '../../src/clock.ts';
import { firestoreDatabase } from '../../src/config/params.ts';
import { createControlReader } from '../../src/control/control.ts';
import { defaultVisitLimits } from '../../src/lateWrites/limits.ts';
import { type VisitDependencies, visitDeletions } from '../../src/lateWrites/visits.ts';
import config from '../../src/lockstep.config.ts';
import type { Log } from '../../src/log.ts';
import { connectSource } from '../../src/source/connect.ts';
import { createProjectTruth } from '../../src/source/truth.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';
import { decide } from '../rules/decide.ts';
import { parseRules } from '../rules/parse.ts';
import { startRuntime } from '../runtime/runtime.ts';
import type { AssetCounts } from './seedData.ts';
import type { Row } from './table.ts';
import type { DemoProject, Scenario, World } from './world.ts';

const counts: AssetCounts = { storyboards: 1, panels: 1, analyses: 1, media: 1, prototypes: 1, scenes: 1 };

const guardedBundle = join(import.meta.dirname, 'guardedBundle.ts');
const rulesFile = join(import.meta.dirname, '..', '..', '..', 'firestore.rules');

/** Assets that are written when their project is deleted already: by a client, and by servers, which no rule holds
 *  back. */
export const lateWriteScenario: Scenario = {
  title: 'assets that are written after the deletion of their project',
  async run(world) {
    const deleted = await world.createProject(counts);
    const living = await world.createProject(counts);
    await world.projects.deleteOne({ _id: deleted.id });
    await world.observer.until('the deletion to be applied', () => isVisitedLater(world, deleted));
    return [
      await byClient(world, deleted, living),
      await byServerUnderGuard(world, deleted),
      await byServerWithoutGuard(world, deleted),
    ];
  },
};

/** A deletion that is applied has its first visit before it. */
async function isVisitedLater({ firestore }: World, { projectId }: DemoProject): Promise<boolean> {
  return (await firestore.doc(`syncProjects/${projectId}`).get()).get('visitAt') instanceof Timestamp;
}

/** Judged by the rules as they are shipped, with everybody who is signed in as a member. */
async function byClient({ firestore }: World, deleted: DemoProject, living: DemoProject): Promise<Row> {
  const shipped = readFileSync(rulesFile, 'utf8');
  const rules = shipped.replace(/(function isMember\(projectId\) \{\s*return )false/, '$1request.auth != null');
  const ruleset = parseRules(rules);
  const root = `/databases/${firestoreDatabase.value()}/documents`;
  const path = `${root}/storyboards/late`;
  async function mayCreate({ projectId }: DemoProject): Promise<boolean> {
    const recordPath = `syncProjects/${projectId}`;
    const kind: unknown = (await firestore.doc(recordPath).get()).get('desired.kind');
    return decide(ruleset, {
      method: 'create',
      path,
      uid: 'user-17',
      documents: {
        read(asked, when) {
          if (asked === path) return when === 'after' ? { projectId } : undefined;
          return asked === `${root}/${recordPath}` ? { desired: { kind: String(kind) } } : undefined;
        },
      },
    }).allowed;
  }
  const [isLateAllowed, isUsualAllowed] = [await mayCreate(deleted), await mayCreate(living)];
  const say = (allowed: boolean) => (allowed ? 'allowed' : 'refused');
  return {
    what: 'a client writes late',
    expected: 'refused by the rules',
    mongodb: 'the project is gone',
    firestore: `${say(isLateAllowed)}; for a project that lives ${say(isUsualAllowed)}`,
    passed: !isLateAllowed && isUsualAllowed,
  };
}

async function byServerUnderGuard(world: World, { projectId }: DemoProject): Promise<Row> {
  const { stack, firestore, observer } = world;
  const row = { what: 'a server writes late, guarded', expected: 'gone at once', mongodb: 'the project is gone' };
  if (stack.firestore === undefined) {
    return { ...row, firestore: 'not shown: Firestore runs elsewhere, and reports no writes', passed: true };
  }
  const guard = await startRuntime({
    bundle: guardedBundle,
    projectId: stack.variables.GCLOUD_PROJECT ?? '',
    pubsubHost: stack.pubsubHost,
    documentEvents: stack.firestore.events,
    env: stack.variables,
  });
  try {
    await guard.waitUntilReady();
    const measured = await world.measure(
      () => firestore.doc('prototypes/late').set({ meta: { projectId }, title: 'by an old queue' }),
      'the guard to have the late prototype removed',
      async () => (await observer.count(projectId)) === 0,
    );
    const by = world.seenEvents.findLast((event) => event.projectId === projectId)?.origin.channel;
    return { ...row, firestore: `0 assets, by the ${by}`, passed: by === 'guard', ...measured };
  } finally {
    await guard.close();
  }
}

/** The relay visits a minute after the deletion. Nobody wants to wait for that here: the same visit is made now, by a
 *  clock that is a minute ahead; and again, as it is every minute, while MongoDB's time has not passed the write. */
async function byServerWithoutGuard(world: World, project: DemoProject): Promise<Row> {
  const { firestore, observer, stack, events } = world;
  const { projectId } = project;
  await observer.until('the deletion by the guard to be applied', () => isVisitedLater(world, project));
  const source = await connectSource(stack.mongodbUri, config);
  const clock = { ...systemClock, now: () => systemClock.now() + minuteMs };
  const dependencies: VisitDependencies = {
    firestore,
    config,
    clock,
    truth: createProjectTruth(source, config),
    events: async () => events,
    control: createControlReader(firestore, clock),
    isShadow: false,
    log: quiet,
    limits: { ...defaultVisitLimits, visitAfterMs: defaultSyncLimits.visitAfterMs, putOffMs: 0 },
  };
  try {
    await firestore.doc('aiAnalyses/late').set({ projectId, title: 'by an old queue' });
    const measured = await world.measure(
      () => observer.until('the visit to find it', async () => (await visitDeletions(dependencies)) > 0),
      'the late analysis to be removed',
      async () => (await observer.count(projectId)) === 0,
    );
    const by = world.seenEvents.findLast((event) => event.projectId === projectId)?.origin.channel;
    return {
      what: 'a server writes late, not guarded',
      expected: 'gone after a minute',
      mongodb: 'the project is gone',
      firestore: `0 assets, by the ${by}`,
      passed: by === 'visit',
      latencyMs: measured.latencyMs,
      // The visits of all other projects that were deleted until now are made with it.
      billed: undefined,
    };
  } finally {
    await source.close();
  }
}

const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (message, fields) => console.error(message, fields),
  alarm: (_alarm, message, fields) => console.error(message, fields),
};
