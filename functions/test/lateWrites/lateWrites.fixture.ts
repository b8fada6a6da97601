import { systemClock } from '../../src/clock.ts';
import type { Config } from '../../src/config/defineConfig.ts';
import { createGuard, type Guard, type GuardOutcome } from '../../src/lateWrites/guard.ts';
import { defaultLateWriteLimits, defaultVisitLimits } from '../../src/lateWrites/limits.ts';
import { type VisitDependencies, visitDeletions } from '../../src/lateWrites/visits.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';
import { event, type SyncFixture, startSyncFixture, testConfig } from '../sync/worker.fixture.ts';

/** The work on events and the guard of one process, on one clock that Firestore and MongoDB go by, too. */
export interface LateWritesFixture extends SyncFixture {
  readonly guard: Guard;
  /** The guard of another process. */
  createGuard(): Guard;
  /** Deletes a project in MongoDB, and works off the event of that. */
  deleteProject(projectId: string): Promise<void>;
  /** Writes an asset as a server does, which no rule keeps from it. */
  write(path: string, data: object): Promise<void>;
  /** Lets a guard check the newest write of an asset, as its trigger does. */
  check(path: string, guard?: Guard): Promise<GuardOutcome>;
  /** Makes the visits that are due, as a relay does every minute; returns how many deletions it published. */
  visit(change?: Partial<VisitDependencies>): Promise<number>;
  /** Works off what was published, until nothing is. */
  workOff(): Promise<void>;
}

export async function startLateWrites(config: Config = testConfig): Promise<LateWritesFixture> {
  let now = () => Date.UTC(2026, 10, 22);
  const fixture = await startSyncFixture({ config, serverClock: { now: () => now(), after: systemClock.after } });
  const { clock, firestore, events, dependencies } = fixture;
  now = clock.now;
  const create = () => createGuard({ ...dependencies, limits: defaultLateWriteLimits });
  const guard = create();
  return {
    ...fixture,
    guard,
    createGuard: create,
    async deleteProject(projectId) {
      fixture.alive.delete(projectId);
      clock.advance(1000);
      await fixture.deliver(event('ProjectDeleted', projectId, {}, Math.floor(clock.now() / 1000)));
    },
    async write(path, data) {
      await firestore.doc(path).set(data);
    },
    async check(path, by = guard) {
      const snapshot = await firestore.doc(path).get();
      const collection = dependencies.config.collections.find(({ name }) => path.startsWith(`${name}/`));
      if (!collection || !snapshot.updateTime) throw new Error(`${path} is no asset`);
      const projectId = String(snapshot.get('projectId'));
      return by.check({ collection, path, projectId, writtenAt: snapshot.updateTime.toMillis() });
    },
    visit: (change) =>
      visitDeletions({
        ...dependencies,
        events: async () => events,
        // The rest of the upkeep has read it a moment ago.
        control: { read: async () => ({ paused: [] }) },
        isShadow: false,
        limits: { ...defaultVisitLimits, visitAfterMs: defaultSyncLimits.visitAfterMs },
        ...change,
      }),
    async workOff() {
      for (;;) {
        const message = events.messages.shift();
        if (message === undefined) return;
        await fixture.deliverMessage(message);
      }
    },
  };
}
