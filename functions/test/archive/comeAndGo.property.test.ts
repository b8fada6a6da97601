// A project that is deleted, created again, renamed and restored in any order, by workers that die at any write and
// restores that run beside them: attacks I13 and I4 over whole lives. On a real client and a local Firestore.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type ArchiveJob, archiveJobRef, parseArchiveJob } from '../../src/archive/jobs/archiveJob.ts';
import { restore } from '../../src/archive/restore/restore.ts';
import { sweep } from '../../src/archive/retention/sweep.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';
import { asked, pathsInArchive } from './archived.ts';
import { type ColdBucket, startColdBucket } from './coldBucket.ts';

const config = defineConfig({
  source: { database: 'd', collection: 'projects', fields: ['name'] },
  collections: [
    {
      path: 'storyboards',
      projectId: 'projectId',
      copies: { name: 'projectName' },
      subcollections: 'recursive',
      onDelete: 'archive',
    },
    { path: 'media', projectId: 'projectId', copies: { name: 'projectName' }, onDelete: 'archive' },
  ],
});

const seeded = ['media/m1', 'media/m2', 'media/m3', 'storyboards/s1', 'storyboards/s1/panels/a'];

const steps = ['delete', 'create', 'rename', 'restore', 'cold', 'delete+restore', 'rename+restore'] as const;
interface Planned {
  readonly step: (typeof steps)[number];
  /** The commit at which somebody dies, before it or after. */
  readonly dieAt: number | null;
}

const stepArbitrary: fc.Arbitrary<Planned> = fc.record({
  step: fc.constantFrom(...steps),
  dieAt: fc.option(fc.integer({ min: 0, max: 4 })),
});

describe('lives of a project with an archive', function () {
  this.timeout(120_000);
  let cold: ColdBucket;
  before(async () => {
    cold = await startColdBucket();
  });
  after(() => cold.close());

  it('each asset is at its place or in the archive, once, and comes back with the newest name', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepArbitrary, { minLength: 3, maxLength: 8 }), async (plan) => {
        const fixture = await startSyncFixture({ config });
        try {
          await live(fixture, plan);
        } finally {
          await fixture.close();
          for (const name of await cold.names()) await cold.bucket.delete(name);
        }
      }),
      { numRuns: 8 },
    );
  });

  async function live(fixture: SyncFixture, plan: readonly Planned[]): Promise<void> {
    const { firestore, server, alive, clock, log, events, dependencies } = fixture;
    const coldStorage = async () => cold.bucket;
    const budget = () => ({ deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal });
    let names = 0;

    async function check(when: string): Promise<void> {
      const living = [...(await fixture.documents('media')), ...(await fixture.documents('storyboards'))];
      const paths = [...living.map(([path]) => path), ...(await fixture.documents('panels')).keys()];
      assert.deepEqual([...paths, ...(await pathsInArchive(firestore, coldStorage))].sort(), seeded, when);
    }
    /** As Pub/Sub does: until it is acknowledged. A lease of a dead worker has run out by then. */
    async function delivered(of: Parameters<typeof fixture.deliver>[0]): Promise<void> {
      for (let tries = 0; ; tries += 1) {
        try {
          return await fixture.deliver(of);
        } catch (error) {
          if (tries === 5) throw error;
          clock.advance(dependencies.limits.leaseMs + 1);
        }
      }
    }
    async function followUps(): Promise<void> {
      for (const message of events.messages.splice(0)) {
        await fixture.deliverMessage(message).catch(async () => {
          clock.advance(dependencies.limits.leaseMs + 1);
          await fixture.deliverMessage(message);
        });
      }
    }
    async function create(): Promise<void> {
      names += 1;
      const name = `Name ${names}`;
      alive.set('p1', { name });
      await delivered(event('ProjectUpdated', 'p1', { name }));
      await delivered(event('ProjectCreated', 'p1', { name }));
    }
    async function rename(): Promise<void> {
      if (!alive.has('p1')) return;
      names += 1;
      alive.set('p1', { name: `Name ${names}` });
      await delivered(event('ProjectUpdated', 'p1', { name: `Name ${names}` }));
    }
    async function remove(): Promise<void> {
      alive.delete('p1');
      await delivered(event('ProjectDeleted', 'p1'));
    }
    async function comeBack(job: ArchiveJob) {
      const from = { firestore, config, clock, log, events, truth: dependencies.truth, cold: coldStorage };
      for (let tries = 0; ; tries += 1) {
        try {
          await restore(from, job, budget());
          return parseArchiveJob(job.id, (await archiveJobRef(firestore, job.id).get()).data());
        } catch (error) {
          if (tries === 5) throw error;
        }
      }
    }
    const toCold = () => sweep({ firestore, clock, log, cold: coldStorage, coldAfterMs: 0 }, budget());
    const acts: Readonly<Record<Planned['step'], (job: ArchiveJob) => Promise<unknown>>> = {
      delete: remove,
      create,
      rename,
      restore: comeBack,
      cold: () => toCold().catch(toCold),
      'delete+restore': (job) => Promise.all([remove(), comeBack(job)]),
      'rename+restore': (job) => Promise.all([rename(), comeBack(job)]),
    };

    await create();
    for (const path of seeded) {
      const isBelow = path.split('/').length > 2;
      await firestore.doc(path).set(isBelow ? { x: 1 } : { projectId: 'p1', projectName: 'Name 1' });
    }
    for (const { step, dieAt } of plan) {
      const job = await asked(firestore, clock.now());
      if (dieAt !== null) {
        if (dieAt > 0) server.faults.inject('Commit', {}, dieAt);
        server.faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' }, afterEffect: dieAt % 2 === 0 });
      }
      await acts[step](job);
      server.faults.clear();
      await check(step);
      await followUps();
      await check(`${step}, and what it has published`);
    }

    if (!alive.has('p1')) {
      assert.deepEqual(await pathsInArchive(firestore, coldStorage), seeded);
      await create();
    }
    await followUps();
    const job = await comeBack(await asked(firestore, clock.now()));
    assert.deepEqual([job.status, job.errors], ['done', []]);
    assert.deepEqual(await pathsInArchive(firestore, coldStorage), []);
    const shown = [...(await fixture.documents('media')), ...(await fixture.documents('storyboards'))];
    assert.deepEqual(
      shown.map(([, data]) => data.projectName),
      Array.from({ length: 4 }, () => `Name ${names}`),
    );
    assert.deepEqual(await cold.names(), []);
  }
});
