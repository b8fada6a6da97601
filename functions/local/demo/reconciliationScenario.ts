import { ObjectId } from 'mongodb';
import { type AssetCounts, assetsOfProject } from './seedData.ts';
import type { Row } from './table.ts';
import type { Scenario, World } from './world.ts';
import { writeAll } from './writeAll.ts';

const counts: AssetCounts = { storyboards: 2, panels: 2, analyses: 1, media: 2, prototypes: 1, scenes: 1 };
const assets = 7;

/** Runs a reconciliation on request and returns its job when it has ended. */
async function reconcile(world: World, mode: 'report' | 'clean'): Promise<Record<string, unknown>> {
  const reason = `demo-${mode}-${new ObjectId().toHexString()}`;
  await world.requests.publish({ data: Buffer.from(JSON.stringify({ mode, reason })), attributes: {} });
  return jobFor(world, reason);
}

/** The job of the reconciliation that was asked for with this reason, when it has ended. */
async function jobFor(world: World, reason: string): Promise<Record<string, unknown>> {
  const ours = () => world.firestore.collection('syncJobs').where('reason', '==', reason).get();
  await world.observer.until(`the reconciliation ${reason} to end`, async () =>
    (await ours()).docs.some((job) => ['done', 'braked', 'abandoned'].includes(String(job.get('status')))),
  );
  return (await ours()).docs[0]?.data() ?? {};
}

function findings(job: Record<string, unknown>, ...kinds: string[]): number {
  const found: unknown = job.findings;
  if (typeof found !== 'object' || found === null) return Number.NaN;
  const counted = new Map(Object.entries(found));
  return kinds.reduce((sum, kind) => sum + Number(counted.get(kind) ?? 0), 0);
}

/** What no event tells: planted orphans and stale copies, reported first and then repaired. */
export const reconciliationScenario: Scenario = {
  title: 'reconciliation: orphans and stale copies',
  async run(world) {
    const orphan = new ObjectId().toHexString();
    const project = await world.createProject(counts);
    await writeAll(world.firestore, assetsOfProject(orphan, { name: 'A project that never was' }, counts));
    await world.firestore
      .doc(`generatedMedia/${project.projectId}-media-1`)
      .update({ projectName: 'what it was called long ago' });
    const odd = world.firestore.collection('aiAnalyses');
    await odd.doc('odd-number').set({ projectId: 42 });
    await odd.doc('odd-empty').set({ projectId: '' });
    await odd.doc('odd-missing').set({ kind: 'script' });

    const scheduled = await world.stack.runtime?.fire('reconcileAssets');
    const ran = scheduled?.ok === true ? await jobFor(world, 'schedule') : undefined;
    const reported = await reconcile(world, 'report');
    const stillThere = await world.observer.count(orphan);
    const repaired = await reconcile(world, 'clean');
    const left = await world.observer.count(orphan);
    const stale = await world.firestore.doc(`generatedMedia/${project.projectId}-media-1`).get();
    const again = await reconcile(world, 'report');
    const kept = (await Promise.all(['odd-number', 'odd-empty', 'odd-missing'].map((id) => odd.doc(id).get()))).filter(
      (document) => document.exists,
    ).length;

    const orphans = findings(reported, 'orphan-unknown', 'orphan-with-tombstone', 'unknown-id');
    const rows: Row[] = [
      {
        what: 'scheduled reconciliation',
        expected: 'runs',
        mongodb: '',
        firestore: scheduled === undefined ? 'not run here' : (scheduled.error ?? `ran, job ${String(ran?.status)}`),
        passed: scheduled === undefined || ran?.status === 'done',
      },
      {
        what: 'orphan found',
        expected: 'reported, nothing deleted',
        mongodb: 'no project',
        firestore: `${orphans} orphan, ${stillThere} of ${assets} assets there`,
        passed: orphans === 1 && stillThere === assets,
      },
      {
        what: 'orphan repaired',
        expected: `${assets} assets go`,
        mongodb: 'no project',
        firestore: `${left} left, job ${String(repaired.status)}`,
        passed: left === 0 && repaired.status === 'done',
      },
      {
        what: 'stale copy found and repaired',
        expected: 'shows the name in MongoDB',
        mongodb: `name ${JSON.stringify(project.name)}`,
        firestore: `${findings(reported, 'stale-copy')} found, now ${JSON.stringify(stale.get('projectName'))}`,
        passed: findings(reported, 'stale-copy') === 1 && stale.get('projectName') === project.name,
      },
      {
        what: 'unusable project ids',
        expected: '3 reported, none touched',
        mongodb: '',
        firestore: `${findings(again, 'unusable-project-id', 'missing-project-id')} reported, ${kept} kept`,
        passed: findings(again, 'unusable-project-id', 'missing-project-id') === 3 && kept === 3,
      },
      {
        what: 'reconciliation again',
        expected: 'nothing left to repair',
        mongodb: '',
        firestore: `${findings(again, 'orphan-unknown', 'orphan-with-tombstone', 'unknown-id', 'stale-copy', 'missing-copy')} findings`,
        passed:
          findings(again, 'orphan-unknown', 'orphan-with-tombstone', 'unknown-id', 'stale-copy', 'missing-copy') === 0,
      },
    ];
    return rows;
  },
};
