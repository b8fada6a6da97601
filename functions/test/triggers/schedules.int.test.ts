// The functions that reconcile and the one that relays, through `firebase-functions-test`, on real clients and local
// servers.

import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { relayHasPlace } from '../../local/relayHasPlace.ts';
import { decodeEvent } from '../../src/events/codec.ts';
import { eventId } from '../../src/events/contract.ts';
import { versionOf } from '../../src/events/version.ts';
import { publishLeftOver } from '../../src/operations/outbox.ts';
import {
  emptyProjectRecord,
  type ProjectRecord,
  projectRecordData,
  projectRecordRef,
} from '../../src/records/projectRecord.ts';
import { defaultRelayLimits } from '../../src/relay/limits.ts';
import { reconcileAssetsFunction } from '../../src/triggers/reconcileAssets.ts';
import { reconcileOnRequestFunction } from '../../src/triggers/reconcileOnRequest.ts';
import { relayProjectChangesFunction, relayShardFunctions } from '../../src/triggers/relayProjectChanges.ts';
import type { Services } from '../../src/triggers/services.ts';
import { auditOf } from '../operations/operations.fixture.ts';
import { failCommand } from '../support/failPoint.ts';
import { until } from '../support/until.ts';
import { setVariables } from '../support/variables.ts';
import { type ServicesFixture, startFunctionsTest, startServices } from './services.fixture.ts';

/** MongoDB's code: https://www.mongodb.com/docs/manual/reference/error-codes/ */
const interruptedAtShutdown = 11600;

describe('functions of reconciliation and relay', () => {
  let fixture: ServicesFixture;
  let offline: ReturnType<typeof startFunctionsTest>;
  let restore: (() => void)[] = [];
  beforeEach(async () => {
    offline = startFunctionsTest();
    // What the tests write is younger than any grace.
    restore = [setVariables({ RECONCILE_GRACE_MINUTES: '0' })];
    fixture = await startServices();
  });
  afterEach(async () => {
    // A variable that was set twice is what it was before the first time.
    for (const reset of restore.reverse()) reset();
    offline.cleanup();
    await fixture.close();
  });

  const set = (variables: Readonly<Record<string, string>>) => restore.push(setVariables(variables));

  /** One project that lives, and an asset of one that does not. */
  async function seedOrphan(): Promise<void> {
    await fixture.source.projects.insertOne({ _id: new ObjectId(), name: 'lives' });
    const gone = new ObjectId().toHexString();
    await fixture.firestore.doc('media/orphan').set({ projectId: gone, projectName: 'gone' });
  }

  const orphanIsThere = async () => (await fixture.firestore.doc('media/orphan').get()).exists;
  const jobs = async () =>
    (await fixture.firestore.collection('syncJobs').where('type', '==', 'reconciliation').get()).docs;
  const errors = () => fixture.log.lines.filter(({ level }) => level === 'error' || level === 'alarm');

  const onRequest = (services: Services = fixture.services) => {
    const wrapped = offline.wrap(reconcileOnRequestFunction(services));
    return (request: unknown) => {
      const data = Buffer.from(typeof request === 'string' ? request : JSON.stringify(request));
      return wrapped({ data: { message: { data: data.toString('base64'), attributes: {} } } });
    };
  };

  describe('reconcileAssets', () => {
    const scheduleTime = '2026-11-27T03:00:00Z';
    const onSchedule = async (services: Services = fixture.services, at = scheduleTime) =>
      reconcileAssetsFunction(services).run({ scheduleTime: at });
    const asked = () => fixture.topic('reconciliation-requests').messages.map(({ data }) => data.toString());
    /** What the schedule comes to: it asks, and the request is delivered. */
    async function reconcileAssets(): Promise<void> {
      await onSchedule();
      for (const request of asked()) await onRequest()(request);
    }

    it('only asks, for which it does not need MongoDB, and is in the audit', async () => {
      const refuse = () => Promise.reject(new Error('not needed'));
      await onSchedule({ ...fixture.services, source: refuse, sync: refuse });
      assert.deepEqual(asked(), [JSON.stringify({ mode: 'report', reason: 'schedule' })]);
      assert.deepEqual(await jobs(), []);
      const audit = await auditOf(fixture.firestore);
      assert.deepEqual(
        audit.map(({ actor, via, action, after }) => ({ actor, via, action, after })),
        [{ actor: 'reconcileAssets', via: 'schedule', action: 'reconcile', after: { mode: 'report', scheduleTime } }],
      );
    });

    it('asks once for a time that Cloud Scheduler delivers again, also when that took a while, and says so', async () => {
      const refusals = () => fixture.log.lines.filter(({ message }) => /was asked for before/.test(message));
      await onSchedule();
      assert.deepEqual(refusals(), []);
      await onSchedule();
      assert.deepEqual(
        refusals().map(({ level, fields }) => [level, fields]),
        [['info', { mode: 'report', scheduleTime }]],
      );
      assert.equal(asked().length, 1);
      assert.equal((await auditOf(fixture.firestore)).length, 1);
      await onSchedule(fixture.services, '2026-11-28T03:00:00Z');
      assert.equal(asked().length, 2);
    });

    it('asks once when somebody else has published what it could not', async () => {
      const publisher = () => Promise.reject(new Error('Pub/Sub is unavailable'));
      await assert.rejects(onSchedule({ ...fixture.services, publisher }), /Pub\/Sub is unavailable/);
      const { firestore, clock, log, publisher: publish } = fixture.services;
      const publisherTo = () => publish('reconciliation-requests');
      assert.equal(await publishLeftOver({ firestore: await firestore(), clock, log, publisherTo }), 1);
      await onSchedule();
      assert.equal(asked().length, 1);
      assert.equal((await auditOf(fixture.firestore)).length, 1);
    });

    it('fails when it could not ask, so that the schedule tries again', async () => {
      const publisher = () => Promise.reject(new Error('Pub/Sub is unavailable'));
      await assert.rejects(onSchedule({ ...fixture.services, publisher }), /Pub\/Sub is unavailable/);
      await onSchedule();
      assert.equal(asked().length, 1);
      assert.equal((await auditOf(fixture.firestore)).length, 1, 'it is the same request');
    });

    // Attacks I1: Cloud Scheduler runs again in a day, so a run that dies must not depend on it.
    it('is gone on with when it has died in the middle', async () => {
      set({ RECONCILE_MODE: 'clean' });
      await seedOrphan();
      await onSchedule();
      const [request] = asked();
      fixture.firestoreServer.faults.inject('RunQuery', { error: { code: 'PERMISSION_DENIED', message: 'not now' } });
      await assert.rejects(onRequest()(request));
      await onRequest()(request);
      assert.ok(!(await orphanIsThere()));
      const [job, ...others] = await jobs();
      assert.equal(others.length, 0);
      assert.deepEqual([job?.get('reason'), job?.get('invocations'), job?.get('status')], ['schedule', 2, 'done']);
    });

    it('only reports by default', async () => {
      await seedOrphan();
      await reconcileAssets();
      assert.ok(await orphanIsThere());
      const [job] = await jobs();
      assert.deepEqual([job?.get('mode'), job?.get('reason'), job?.get('status')], ['report', 'schedule', 'done']);
    });

    it('repairs when RECONCILE_MODE says so', async () => {
      set({ RECONCILE_MODE: 'clean' });
      await seedOrphan();
      await reconcileAssets();
      assert.ok(!(await orphanIsThere()));
    });

    for (const state of ['held', 'discarded'] as const) {
      it(`repairs all but what is ${state}, and counts that in its report`, async () => {
        set({ RECONCILE_MODE: 'clean' });
        await seedOrphan();
        const projectId = new ObjectId().toHexString();
        await fixture.firestore.doc('media/kept').set({ projectId, projectName: 'kept' });
        const version = versionOf({ seconds: 1_700_000_000, increment: 1 }, 0);
        const record: ProjectRecord = {
          ...emptyProjectRecord(projectId),
          desired: { kind: 'deleted', version, deletedVersion: version, fields: {} },
          revision: 1,
          appliedRevision: state === 'held' ? 0 : 1,
          hold: { state, since: 1_700_000_000_000, eventId: eventId(projectId, version), version },
        };
        await projectRecordRef(fixture.firestore, projectId).set(projectRecordData(record));
        await reconcileAssets();
        assert.ok(!(await orphanIsThere()));
        assert.ok((await fixture.firestore.doc('media/kept').get()).exists);
        const [job] = await jobs();
        assert.deepEqual([job?.get('status'), job?.get('findings.held')], ['done', 1]);
      });
    }

    it('refuses a mode that is none', async () => {
      set({ RECONCILE_MODE: 'destroy' });
      await assert.rejects(reconcileAssets(), /RECONCILE_MODE: expected "report" or "clean", received "destroy"/);
    });
  });

  describe('reconcileOnRequest', () => {
    it('verifies where the request says so, and keeps its report', async () => {
      await fixture.source.projects.insertOne({ _id: new ObjectId(), name: 'lives' });
      await onRequest()({ mode: 'verify', reason: 'before a deployment', samples: 1 });
      const { docs } = await fixture.firestore.collection('syncJobs').where('type', '==', 'verification').get();
      const [found] = docs;
      assert.deepEqual(
        [found?.get('status'), found?.get('reason'), found?.get('verification.sampled')],
        ['done', 'before a deployment', 1],
      );
    });

    it('repairs nothing in shadow mode', async () => {
      set({ SYNC_MODE: 'shadow' });
      await seedOrphan();
      await onRequest()({ mode: 'clean', reason: 'history-lost' });
      assert.ok(await orphanIsThere());
      assert.equal((await jobs())[0]?.get('isShadow'), true);
    });

    it('does what the request says', async () => {
      await seedOrphan();
      await onRequest()({ mode: 'clean', reason: 'history-lost', collections: ['media'] });
      assert.ok(!(await orphanIsThere()));
      assert.equal((await jobs())[0]?.get('reason'), 'history-lost');
    });

    for (const [request, problem] of [
      ['not json', /JSON/],
      [{ mode: 'destroy' }, /mode/],
      [{ projectIds: 'p1' }, /projectIds/],
      [{ collections: ['no-such'] }, /"no-such" is not in lockstep.config.ts/],
      [{ jobId: 'syncJobs/one' }, /is not the id of a reconciliation/],
      [{ jobId: 'deletion' }, /is not the id of a reconciliation/],
      [{ jobId: '..' }, /is not the id of a reconciliation/],
      [{ jobId: '__one__' }, /is not the id of a reconciliation/],
    ] as const) {
      it(`ignores ${JSON.stringify(request)}, which no redelivery helps, with an error in the log`, async () => {
        await fixture.firestore.doc('syncJobs/deletion').set({ type: 'delete', status: 'running' });
        await onRequest()(request);
        assert.equal(errors().length, 1);
        assert.match(String(errors()[0]?.fields.error), problem);
        assert.deepEqual(await jobs(), []);
      });
    }

    it('raises while another run is at work, so that the request is redelivered', async () => {
      await seedOrphan();
      const repairing = signal();
      const goOn = signal();
      const sync = await fixture.services.sync();
      const slow: Services = {
        ...fixture.services,
        sync: async () => ({
          ...sync,
          worker: {
            async apply(event, options) {
              repairing.give();
              await goOn.given;
              return sync.worker.apply(event, options);
            },
          },
        }),
      };
      const first = onRequest(slow)({ mode: 'clean' });
      await repairing.given;
      await assert.rejects(onRequest()({ mode: 'clean', collections: ['media'] }), {
        name: 'ReconciliationNotDoneError',
        message: /another reconciliation is at work until .* is redelivered/,
      });
      goOn.give();
      await first;
      await onRequest()({ mode: 'clean', collections: ['media'] });
      assert.ok(!(await orphanIsThere()));
    });

    it('asks for its own continuation when the time is used up, in the words of the request', async () => {
      // Less than a run keeps for its own ending, so that it ends at once.
      set({ RECONCILE_BUDGET_SECONDS: '1' });
      await seedOrphan();
      await onRequest()({ mode: 'clean', reason: 'a person', collections: ['media'] });
      const [message, ...more] = fixture.topic('reconciliation-requests').messages;
      assert.ok(message && more.length === 0);
      assert.equal(message.attributes.reason, 'continued');
      set({ RECONCILE_BUDGET_SECONDS: '60' });
      await onRequest()(message.data.toString());
      assert.ok(!(await orphanIsThere()));
      const [job, ...others] = await jobs();
      assert.equal(others.length, 0, 'the continuation goes on with the same run');
      assert.deepEqual([job?.get('reason'), job?.get('invocations'), job?.get('status')], ['a person', 2, 'done']);
    });

    // Attacks I1: what the relay has missed is found by this run only, however many invocations it takes.
    for (const [what, commands] of [
      ['is redelivered, and done, when MongoDB was unreachable before its continuation begins', ['aggregate']],
      ['is redelivered, and done, when MongoDB was unreachable in the middle of its continuation', ['find']],
    ] as const) {
      it(what, async () => {
        set({ RECONCILE_BUDGET_SECONDS: '1' });
        await seedOrphan();
        await onRequest()({ mode: 'clean', reason: 'history-lost' });
        const [message] = fixture.topic('reconciliation-requests').messages;
        const continuation = String(message?.data);
        set({ RECONCILE_BUDGET_SECONDS: '60' });
        await failCommand(fixture.source.client, commands, { errorCode: interruptedAtShutdown }, 'alwaysOn');
        for (let delivery = 0; delivery < 2; delivery += 1) {
          await assert.rejects(onRequest()(continuation), { name: 'ReconciliationNotDoneError' });
        }
        await failCommand(fixture.source.client, commands, {}, 'off');
        await onRequest()(continuation);
        assert.ok(!(await orphanIsThere()));
        await onRequest()(continuation);
      });
    }
  });

  describe('relayProjectChanges', () => {
    it('publishes changes until it is asked to stop, and says how it ended', async () => {
      const events = fixture.topic('project-events');
      const running = Promise.resolve(relayProjectChangesFunction(fixture.services).run({ scheduleTime: '' }));
      const id = new ObjectId();
      const change = async () => {
        await until(() => relayHasPlace(fixture.firestore));
        await fixture.source.projects.insertOne({ _id: id, name: 'new' });
        await until(async () => events.messages.length > 0);
        fixture.stop();
      };
      await Promise.all([running, change()]);
      const [message] = events.messages;
      const decoded = decodeEvent(message?.data ?? Buffer.alloc(0));
      assert.ok(decoded.ok);
      assert.deepEqual(
        [decoded.event.type, decoded.event.projectId, decoded.event.changes],
        ['ProjectCreated', id.toHexString(), { name: 'new' }],
      );
      assert.ok(fixture.log.lines.some(({ fields }) => fields.outcome === 'stopped' && fields.published === 1));
      // It asked for a reconciliation, since it knows nothing of what came before it.
      assert.equal(fixture.topic('reconciliation-requests').messages.length, 1);
    });

    it('keeps a deletion until its topic is there, and says what is missing; what comes behind it goes on', async () => {
      const { services, source, firestore, log, stop } = fixture;
      const deletions = fixture.topic('project-deletions');
      const absent = 'NOT_FOUND: Resource not found (resource=project-deletions)';
      deletions.fail(Object.assign(new Error(absent), { code: 5 }));
      const running = Promise.resolve(relayProjectChangesFunction(services).run({ scheduleTime: '' }));
      await until(() => relayHasPlace(firestore));
      const [doomed, next] = [new ObjectId(), new ObjectId()];
      await source.projects.insertOne({ _id: doomed, name: 'doomed' });
      await source.projects.deleteOne({ _id: doomed });
      await source.projects.insertOne({ _id: next, name: 'next' });
      const projects = (name: string) => fixture.topic(name).messages.map(({ attributes }) => attributes.projectId);
      await until(() => projects('project-events').length === 2 && deletions.tries() > 1);
      assert.deepEqual(projects('project-events'), [String(doomed), String(next)]);
      const said = log.lines.find(({ message }) => message.includes('could not be published'));
      assert.deepEqual([said?.fields.projectId, said?.fields.error], [String(doomed), absent]);
      // This execution ends without it, and the next one begins before it.
      stop();
      await running;
      assert.deepEqual(projects('project-deletions'), []);
      deletions.succeed();
      const stopNext = new AbortController();
      const again = { ...services, stopping: () => stopNext.signal };
      const following = Promise.resolve(relayProjectChangesFunction(again).run({ scheduleTime: '' }));
      await until(() => projects('project-deletions').length > 0);
      stopNext.abort(new Error('the instance is asked to stop'));
      await following;
      assert.deepEqual(projects('project-deletions'), [String(doomed)]);
    });

    it('has a function for each shard, which publish their shares', async () => {
      set({ RELAY_SHARDS: '2' });
      const events = fixture.topic('project-events');
      const second = relayShardFunctions(fixture.services)['2'];
      assert.ok(second);
      const run = (relay: typeof second) => Promise.resolve(relay.run({ scheduleTime: '' }));
      // Without its record there is no such shard yet: the first one makes it.
      await run(second);
      assert.ok(fixture.log.lines.some(({ fields }) => fields.outcome === 'not-needed'));
      const first = run(relayProjectChangesFunction(fixture.services));
      const record = fixture.firestore.doc('syncRelay/collaboration%2Eprojects$2');
      await until(async () => (await record.get()).exists);
      const running = [first, run(second)];
      await until(async () => (await record.get()).get('lease.holder') !== null);
      await fixture.source.projects.insertMany(
        ['00', 'ff'].map((lastByte) => ({ _id: new ObjectId(`${'6'.repeat(22)}${lastByte}`), name: lastByte })),
      );
      await until(() => events.messages.length >= 2);
      fixture.stop();
      await Promise.all(running);
      const published = fixture.log.lines.filter(({ fields }) => fields.outcome === 'stopped');
      assert.deepEqual(
        published.map(({ fields }) => fields.published),
        [1, 1],
      );
    });

    it('ends by itself when its budget is spent', async () => {
      // A second more than what the relay keeps for closing down.
      const { closeStreamMs, drainMs, lastCheckpointMs } = defaultRelayLimits;
      set({ RELAY_BUDGET_SECONDS: String(Math.ceil((closeStreamMs + drainMs + lastCheckpointMs) / 1_000) + 1) });
      await relayProjectChangesFunction(fixture.services).run({ scheduleTime: '' });
      assert.ok(fixture.log.lines.some(({ fields }) => fields.outcome === 'budget-spent'));
    });
  });
});

/** Something that one side waits for and the other gives. */
function signal(): { give(): void; readonly given: Promise<void> } {
  let give: () => void = () => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { give: () => give(), given };
}
