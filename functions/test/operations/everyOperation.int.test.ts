// What every operation promises, one by one, on a real client and a local Firestore: attacks I12 (no action without its
// trace), "each role does exactly its part", "the same call twice is once" and "a wrong input changes nothing".
import assert from 'node:assert/strict';
import type { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { raisedMessage } from '../../src/alerts/alertMessage.ts';
import { alertData, alertRef } from '../../src/alerts/alertRecord.ts';
import { raised } from '../../src/alerts/transitions.ts';
import { dayMs, hourMs } from '../../src/clock.ts';
import { recordDeadLetter } from '../../src/deadLetters/record.ts';
import { encodeEvent } from '../../src/events/codec.ts';
import { defaultHoldLimits } from '../../src/holds/limits.ts';
import { operationNamed, operations } from '../../src/operations/all.ts';
import type { Item, Operation, OperationServices } from '../../src/operations/operation.ts';
import { type Call, previewOperation, runOperation } from '../../src/operations/runOperation.ts';
import { lookAfter } from '../../src/operations/upkeep.ts';
import { emptyRelayRecord, relayRecordData, relayRecordRef } from '../../src/relay/relayRecord.ts';
import { archive } from '../archive/archived.ts';
import { type FakeTopic, fakeTopic } from '../support/topic.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';
import { auditOf, operator, upkeepWith, viewer } from './operations.fixture.ts';

/** What an operation is tried with. */
interface Trial {
  /** What has to be there. */
  readonly given?: (fixture: SyncFixture) => Promise<unknown>;
  readonly input: unknown;
  /** How many it touches. */
  readonly count: number;
  /** Inputs that are wrong, by the field that is. */
  readonly wrong: Readonly<Record<string, unknown>>;
}

/** The deletions of `p1` and `p2` are held. */
async function twoHeld({ deliver, firestore }: SyncFixture): Promise<void> {
  await deliver(event('ProjectDeleted', 'first'));
  for (const projectId of ['p1', 'p2']) {
    await firestore.doc(`media/${projectId}`).set({ projectId });
    await deliver(event('ProjectDeleted', projectId));
  }
}

async function deadLetterOf({ dependencies }: SyncFixture): Promise<void> {
  const message = { data: encodeEvent(dead).data, attributes: { reason: 'attempts', attempts: '10', error: 'no' } };
  await recordDeadLetter(dependencies, message);
}
const dead = event('ProjectDeleted', 'p1');

async function openAlert({ firestore, clock }: SyncFixture): Promise<void> {
  const message = raisedMessage('history-lost', 'lost', {}, { id: 'm1', count: 1, at: clock.now() });
  await alertRef(firestore, 'a1').set(alertData({ ...raised(undefined, message, 'look'), key: 'a1' }));
}

const now = Date.UTC(2026, 10, 22);
const relayReadUpToNow = ({ firestore, dependencies }: SyncFixture) =>
  relayRecordRef(firestore, dependencies.config.source).set(
    relayRecordData({
      ...emptyRelayRecord,
      checkpoint: { ...emptyRelayRecord.checkpoint, startAt: { seconds: now / 1_000, increment: 1 } },
    }),
  );

const trials: Readonly<Record<string, Trial>> = {
  pause: { input: { what: 'relay' }, count: 1, wrong: { 'input.what': { what: 'all' } } },
  resume: {
    given: ({ firestore }) =>
      firestore.doc('syncControl/state').set({ paused: [{ what: 'relay', by: 'o', reason: 'r', since: 1 }] }),
    input: { what: 'relay' },
    count: 1,
    wrong: { 'input.collection': { what: 'collection' } },
  },
  'release-holds': {
    given: twoHeld,
    input: { projectIds: ['p1', 'p2'] },
    count: 2,
    wrong: {
      'input.projectIds[1]': { projectIds: ['p1', ''] },
      'input.projectIds': {},
      'input.all': { all: true, projectIds: ['p1'] },
    },
  },
  'discard-holds': { given: twoHeld, input: { all: true }, count: 2, wrong: { 'input.all': { all: 'yes' } } },
  redrive: {
    given: deadLetterOf,
    input: { ids: [dead.id] },
    count: 1,
    wrong: {
      'input.ids': {},
      'input.includeUnreadable': { all: true, includeUnreadable: 1 },
      'input.dryRun': { all: true, dryRun: true },
    },
  },
  'drop-dead-letters': {
    given: deadLetterOf,
    input: { projectId: 'p1' },
    count: 1,
    wrong: { 'input.projectId': { projectId: '' } },
  },
  reconcile: {
    given: ({ firestore }) => firestore.doc('syncProjects/p1').set({ projectId: 'p1' }),
    input: { mode: 'clean', collections: ['media'], projectIds: ['p1'] },
    count: 1,
    wrong: {
      'input.mode': {},
      'input.collections': { mode: 'report', collections: ['nope'] },
      'input.allow.orphans': { mode: 'clean', allow: { orphans: -1 } },
      'input.phantoms': { mode: 'report', phantoms: true, projectIds: ['p1'] },
    },
  },
  'cancel-reconciliation': {
    given: ({ firestore, dependencies }) => ask(servicesOf(dependencies, firestore), 'job-1'),
    input: { jobId: 'reconciliation-20261122T000000Z-job-1' },
    count: 1,
    wrong: { 'input.jobId': { jobId: 'no-such' } },
  },
  verify: { input: { samples: 3 }, count: 1, wrong: { 'input.samples': { samples: -1 } } },
  'what-if': {
    input: { projectIds: ['p1'], change: 'delete' },
    count: 1,
    wrong: { 'input.change': { projectIds: ['p1'], change: 'paint' } },
  },
  rewind: {
    given: relayReadUpToNow,
    input: { to: now - hourMs },
    count: 1,
    wrong: { 'input.to': { to: now + hourMs } },
  },
  restore: {
    given: async ({ deliver, firestore }) => {
      await deliver(event('ProjectCreated', 'p1', { name: 'n' }));
      await archive(firestore, { collection: 'media', documents: { 'media/m1': { projectId: 'p1' } } });
    },
    input: { projectId: 'p1', collections: ['media'] },
    count: 1,
    wrong: {
      'input.projectId': { projectId: 'p2' },
      'input.to': { projectId: 'p1', to: 'p2' },
      'input.collections': { projectId: 'p1', collections: ['nope'] },
      'input.dryRun': { projectId: 'p1', dryRun: 'yes' },
    },
  },
  'acknowledge-alerts': { given: openAlert, input: { keys: ['a1'] }, count: 1, wrong: { 'input.keys': { keys: [] } } },
  'close-alerts': { given: openAlert, input: { keys: ['a1'] }, count: 1, wrong: { 'input.keys[0]': { keys: [''] } } },
};

const requests: FakeTopic = fakeTopic();

function servicesOf(dependencies: SyncFixture['dependencies'], firestore: Firestore): OperationServices {
  const { events } = dependencies;
  return {
    ...dependencies,
    firestore,
    publisherTo: async (topic) => ({ events, reconciliationRequests: requests })[topic],
    retentionMs: 90 * dayMs,
  };
}

/** Asks for a report, as a job of this name. */
async function ask(services: OperationServices, uniqueId: string): Promise<void> {
  const call = { actor: operator, reason: 'r', input: { mode: 'report' } };
  await runOperation({ ...services, uniqueId: () => uniqueId }, named('reconcile'), call);
}

function named(name: string): Operation {
  const operation = operationNamed(name);
  assert.ok(operation, name);
  return operation;
}

describe('every operation', function () {
  this.timeout(30_000);
  let fixture: SyncFixture;
  let services: OperationServices;
  /** Entries that were there before. */
  let before = 0;
  async function start({ given }: Trial): Promise<void> {
    fixture = await startSyncFixture({ limits: { hold: { ...defaultHoldLimits, maxProjects: 1 } } });
    services = servicesOf(fixture.dependencies, fixture.firestore);
    requests.messages.length = 0;
    await given?.(fixture);
    before = await entries();
  }
  afterEach(() => fixture?.close());

  const entries = async () => (await auditOf(fixture.firestore)).length;
  const run = (name: string, input: unknown, call: Partial<Call> = {}) =>
    runOperation(services, named(name), { actor: operator, reason: 'a good one', input, ...call });

  /** Everything that Firestore holds, but for the audit. */
  async function everything(): Promise<string> {
    const collections = await fixture.firestore.listCollections();
    const contents = await Promise.all(collections.map((collection) => collection.get()));
    const told = contents
      .flatMap(({ docs }) => docs)
      .filter(({ ref }) => !ref.path.startsWith('syncAudit/') && ref.path !== 'syncControl/auditHead');
    return JSON.stringify(told.map((snapshot) => [snapshot.ref.path, snapshot.data()]).sort());
  }

  it('has a trial here', () => {
    assert.deepEqual(Object.keys(trials).sort(), operations.map(({ name }) => name).sort());
  });

  for (const [name, trial] of Object.entries(trials)) {
    const { input, count, wrong } = trial;
    const { changes, role } = named(name);
    describe(name, () => {
      beforeEach(() => start(trial));

      it('previews without a change; does it once, with its entry; the same call again does nothing', async () => {
        const first = await everything();
        const previewed = await previewOperation(services, named(name), { actor: operator, input });
        assert.equal(previewed.kind, 'preview', JSON.stringify(previewed));
        assert.equal(await everything(), first);
        const done = await run(name, input);
        assert.equal(done.kind === 'done' && done.outcome.count, count, JSON.stringify(done));
        const after = await everything();
        assert.equal(after !== first, changes);
        const added = (await auditOf(fixture.firestore)).slice(before);
        assert.equal(added.length, changes ? count : 0);
        for (const entry of added) {
          assert.deepEqual([entry.action, entry.actor, entry.reason], [name, operator.name, 'a good one']);
        }
        const again = await run(name, input);
        assert.equal(again.kind === 'done' && again.outcome.sequence, null, JSON.stringify(again));
        assert.equal(await everything(), after);
        assert.equal(await entries(), before + added.length);
      });

      it(`is for who is ${role}, and leaves no trace of who may not`, async () => {
        const first = await everything();
        const refused = await run(name, input, { actor: viewer });
        assert.equal(refused.kind, role === 'viewer' ? 'done' : 'forbidden');
        assert.equal(await everything(), first);
        assert.equal(await entries(), before);
      });

      it('names the field of a wrong input, and changes nothing', async () => {
        const first = await everything();
        for (const [field, given] of Object.entries(wrong)) {
          const refused = await run(name, given);
          const fields =
            refused.kind === 'invalid'
              ? refused.errors.map((error) => error.field)
              : [refused.kind === 'refused' ? refused.field : refused.kind];
          assert.ok(fields.includes(field), `${JSON.stringify(given)}: ${JSON.stringify(refused)}`);
        }
        for (const reason of ['', undefined]) {
          assert.match(JSON.stringify(await run(name, input, { reason })), /"field":"reason"/);
        }
        assert.equal(await everything(), first);
        assert.equal(await entries(), before);
      });

      if (!changes) return;
      for (const fault of [
        { error: { code: 'PERMISSION_DENIED' } },
        { error: { code: 'PERMISSION_DENIED' }, afterEffect: true },
      ]) {
        it(`leaves effect and entry, or neither, when a write ${fault.afterEffect ? 'is done and its answer lost' : 'is refused'}, whichever it is`, async () => {
          for (let commit = 1; commit <= 4; commit += 1) {
            await fixture.close();
            await start(trial);
            const first = await everything();
            if (commit > 1) fixture.server.faults.inject('Commit', {}, commit - 1);
            fixture.server.faults.inject('Commit', fault, 1);
            // Many are decided one by one: one that fails is reported, and the others are done.
            await run(name, input).catch(() => undefined);
            fixture.server.faults.clear();
            const isChanged = (await everything()) !== first;
            assert.equal(isChanged, (await entries()) > before, `commit ${commit}`);
            // The same call finishes it, or the relay's run does.
            await run(name, input);
            await lookAfter(upkeepWith(services));
            assert.equal(await entries(), before + count, `commit ${commit}`);
            assert.equal((await fixture.firestore.collection('syncOutbox').get()).size, 0);
          }
        });
      }
    });
  }

  async function failFrom(first: number, count: number): Promise<void> {
    for (let index = first; index < first + count; index += 1) {
      const { data } = encodeEvent(event('ProjectDeleted', `p${index}`));
      await recordDeadLetter(fixture.dependencies, { data, attributes: { reason: 'attempts' } });
    }
  }

  it('of more than ten is confirmed by their number, and by no other', async () => {
    await start({ input: {}, count: 0, wrong: {} });
    await failFrom(0, 11);
    const ids = (await fixture.firestore.collection('syncFailures').get()).docs.map((document) => document.id);
    const first = await everything();
    for (const input of [{ all: true }, { ids }]) {
      for (const confirm of [undefined, 10, 12]) {
        const refused = await run('drop-dead-letters', input, { confirm });
        assert.deepEqual([refused.kind, refused.kind === 'unconfirmed' && refused.count], ['unconfirmed', 11]);
      }
    }
    assert.equal(await everything(), first);
    const done = await run('drop-dead-letters', { all: true }, { confirm: 11 });
    assert.equal(done.kind === 'done' && done.outcome.count, 11);
    assert.equal(await entries(), 11);
  });

  it('of all is confirmed by their number also where more come while somebody types it, and touches no more', async () => {
    await start({ input: {}, count: 0, wrong: {} });
    await failFrom(0, 120);
    const asked = await run('drop-dead-letters', { all: true });
    assert.ok(asked.kind === 'unconfirmed');
    await failFrom(120, 2);
    const done = await run('drop-dead-letters', { all: true }, { confirm: asked.count });
    assert.match(JSON.stringify(done), /"120 dropped; more have come since they were counted, and wait"/);
    assert.equal(await entries(), 120);
  });

  it('of all projects is confirmed by their number also where one more comes while somebody types it', async () => {
    await start({ input: {}, count: 0, wrong: {} });
    const { firestore } = fixture;
    const add = async (ids: readonly string[]) => {
      const batch = firestore.batch();
      for (const id of ids) batch.set(firestore.doc(`syncProjects/${id}`), { projectId: id });
      await batch.commit();
    };
    await add(Array.from({ length: 234 }, (_, index) => `p${index}`));
    const asked = await run('reconcile', { mode: 'clean' });
    assert.ok(asked.kind === 'unconfirmed' && asked.count === 234, JSON.stringify(asked));
    await add(['one more']);
    for (const confirm of [10, 23, 200, 270, 2_340]) {
      assert.equal((await run('reconcile', { mode: 'clean' }, { confirm })).kind, 'unconfirmed');
    }
    assert.equal((await run('reconcile', { mode: 'clean' }, { confirm: asked.count })).kind, 'done');
  });

  describe('of all touches no more than were counted, though more come while it runs:', () => {
    const notMore = /"2 \w+; more have come since they were counted, and wait"/;

    it('dead letters', async () => {
      await start({ input: {}, count: 0, wrong: {} });
      const waiting = ['p3', 'p4', 'p5'];
      const fail = async (projectId: string) => {
        const { data } = encodeEvent(event('ProjectDeleted', projectId));
        await recordDeadLetter(fixture.dependencies, { data, attributes: { reason: 'attempts' } });
      };
      for (const projectId of ['p1', 'p2']) await fail(projectId);
      const onePerPage = { ...services, pageSize: 1 };
      const onItem = async () => {
        for (const projectId of waiting.splice(0, 1)) await fail(projectId);
      };
      const call = { actor: operator, reason: 'r', input: { all: true }, onItem };
      const done = await runOperation(onePerPage, named('drop-dead-letters'), call);
      assert.match(JSON.stringify(done), notMore);
      assert.equal(await entries(), 2);
    });

    it('held deletions', async () => {
      await start({ given: twoHeld, input: {}, count: 0, wrong: {} });
      const onePerPage = { ...services, pageSize: 1 };
      const hold = async ({ target }: Item) => {
        if (target.endsWith('x')) return;
        await fixture.firestore.doc(`media/${target}x`).set({ projectId: `${target}x` });
        await fixture.deliver(event('ProjectDeleted', `${target}x`));
      };
      const call = { actor: operator, reason: 'r', input: { all: true }, onItem: hold };
      const done = await runOperation(onePerPage, named('release-holds'), call);
      assert.match(JSON.stringify(done), notMore);
      assert.equal(await entries(), 2);
    });
  });

  it('asks for runs and restores beside a job that cannot be read', async () => {
    for (const [name, type] of [
      ['reconcile', 'reconciliation'],
      ['verify', 'verification'],
      ['restore', 'restore'],
    ] as const) {
      const trial = trials[name];
      assert.ok(trial);
      await start(trial);
      await fixture.firestore.doc('syncJobs/damaged').set({ type, status: 'running', schemaVersion: 99 });
      const done = await run(name, trial.input);
      assert.equal(done.kind === 'done' && done.outcome.count, 1, JSON.stringify(done));
      const again = await run(name, trial.input);
      assert.equal(again.kind === 'done' && again.outcome.count, 0, JSON.stringify(again));
      await fixture.close();
    }
  });

  it('asks for a run at work again: Pub/Sub gives a message up that fails for long', async () => {
    for (const name of ['reconcile', 'verify'] as const) {
      const trial = trials[name];
      assert.ok(trial);
      await start(trial);
      const first = await run(name, trial.input);
      const jobId = first.kind === 'done' ? first.outcome.jobId : undefined;
      assert.ok(jobId, JSON.stringify(first));
      await fixture.firestore.doc(`syncJobs/${jobId}`).update({ status: 'running' });
      requests.messages.length = 0;
      const again = await run(name, trial.input);
      assert.equal(again.kind === 'done' && again.outcome.jobId, jobId);
      assert.deepEqual(
        requests.messages.map(({ data }) => z.object({ jobId: z.string() }).parse(JSON.parse(data.toString())).jobId),
        [jobId],
      );
      await fixture.close();
    }
  });

  it('decides about the alerts that can be read, and names the one that cannot', async () => {
    await start({ given: openAlert, input: {}, count: 0, wrong: {} });
    await alertRef(fixture.firestore, 'a0').set({ state: 'open' });
    const items: Item[] = [];
    const onItem = (item: Item) => void items.push(item);
    const done = await run('acknowledge-alerts', { keys: ['a0', 'a1'] }, { onItem });
    assert.match(JSON.stringify(done), /"1 acknowledged, 1 failed \(a0: the record syncAlerts\/a0 cannot be read/);
    assert.deepEqual(
      items.map(({ target, kind }) => [target, kind]),
      [
        ['a0', 'failed'],
        ['a1', 'done'],
      ],
    );
  });

  it('of many ends when its time is over, and the same call goes on', async () => {
    await start({ input: {}, count: 0, wrong: {} });
    await twoHeld(fixture);
    const deadline = fixture.clock.now() + 1;
    const cut = await run('discard-holds', { all: true }, { deadline, onItem: () => fixture.clock.advance(1) });
    assert.match(JSON.stringify(cut), /1 discarded; the time is over, and the same call goes on/);
    assert.match(JSON.stringify(await run('discard-holds', { all: true })), /1 discarded"/);
  });
});
