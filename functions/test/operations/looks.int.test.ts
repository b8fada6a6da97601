import assert from 'node:assert/strict';
import { operationNamed } from '../../src/operations/all.ts';
import { type Call, previewOperation, runOperation } from '../../src/operations/runOperation.ts';
import { parseJob } from '../../src/reconcile/jobRecord.ts';
import { emptyRelayRecord, parseRelayRecord, relayRecordData, relayRecordRef } from '../../src/relay/relayRecord.ts';
import { auditOf, type OperationsFixture, operator, startOperationsFixture, viewer } from './operations.fixture.ts';

const place = Date.UTC(2026, 10, 22, 12);

describe('operations: verify and rewind', () => {
  let fixture: OperationsFixture;
  beforeEach(async () => {
    fixture = await startOperationsFixture();
  });
  afterEach(() => fixture.close());

  function named(name: string) {
    const operation = operationNamed(name);
    assert.ok(operation !== undefined, name);
    return operation;
  }
  const run = (name: string, input: unknown, call: Partial<Call> = {}) =>
    runOperation(fixture.services, named(name), { actor: operator, reason: 'a look', input, ...call });

  it('asks for a verification: its job, its message and its entry', async () => {
    const done = await run('verify', { collections: ['media'], samples: 7 });
    assert.ok(done.kind === 'done' && done.outcome.jobId !== null);
    const { jobId } = done.outcome;
    const job = parseJob(jobId, (await fixture.firestore.collection('syncJobs').doc(jobId).get()).data());
    assert.deepEqual(
      [job.type, job.mode, job.status, job.initiator, job.request?.samples],
      ['verification', 'verify', 'pending', operator.name, 7],
    );
    const [message] = fixture.requests.messages;
    assert.equal(JSON.parse(message?.data.toString() ?? '{}').jobId, jobId);
    const [entry] = await auditOf(fixture.firestore);
    assert.deepEqual([entry?.action, entry?.actor, entry?.reason], ['verify', operator.name, 'a look']);
  });

  for (const [what, name, input, call, expected] of [
    ['a verification by a viewer', 'verify', {}, { actor: viewer }, /forbidden/],
    ['an unknown collection', 'verify', { collections: ['nope'] }, {}, /refused.*"field":"input\.collections"/],
    ['too many samples', 'verify', { samples: 1_000_000 }, {}, /invalid.*"field":"input\.samples"/],
    ['a rewind by a viewer', 'rewind', { to: 0 }, { actor: viewer }, /forbidden/],
    ['a rewind to a text', 'rewind', { to: 'yesterday' }, {}, /invalid.*"field":"input\.to"/],
    ['a rewind before the first start', 'rewind', { to: 0 }, {}, /refused.*never run.*"field":"input\.to"/],
  ] as const) {
    it(`refuses ${what}, and changes nothing`, async () => {
      assert.match(JSON.stringify(await run(name, input, call)), expected);
      assert.deepEqual(await auditOf(fixture.firestore), []);
      assert.equal(fixture.requests.messages.length, 0);
    });
  }

  describe('of a relay that has a place', () => {
    const ref = () => relayRecordRef(fixture.firestore, fixture.services.config.source);
    const record = async () => parseRelayRecord(ref().path, (await ref().get()).data());
    beforeEach(async () => {
      const startAt = { seconds: place / 1_000, increment: 1 };
      const checkpoint = { token: null, startAt, last: null, source: null };
      const lease = { holder: 'relay-1', fencing: 4, expiresAt: place };
      await ref().create(relayRecordData({ ...emptyRelayRecord, checkpoint, lease }));
    });

    it('a rewind is noted and takes the lease, once, with its entry', async () => {
      const to = place - 3_600_000;
      const previewed = await previewOperation(fixture.services, named('rewind'), { actor: operator, input: { to } });
      assert.ok(previewed.kind === 'preview');
      assert.match(JSON.stringify(previewed.preview), /2026-11-22T12:00:00.000Z.*2026-11-22T11:00:00.000Z.*60 minutes/);
      const done = await run('rewind', { to });
      assert.ok(done.kind === 'done');
      assert.equal(done.outcome.count, 1);
      const { rewind, lease, checkpoint } = await record();
      assert.deepEqual([rewind?.to, rewind?.by], [to, operator.name]);
      assert.deepEqual(lease, { holder: null, fencing: 5, expiresAt: 0 });
      assert.equal(checkpoint.startAt?.seconds, place / 1_000);
      const again = await run('rewind', { to });
      assert.ok(again.kind === 'done' && again.outcome.count === 0 && again.outcome.sequence === null);
      assert.equal((await record()).lease.fencing, 5);
      const entries = await auditOf(fixture.firestore);
      assert.deepEqual(
        entries.map(({ action, target, before, after }) => [action, target, before, after]),
        [['rewind', 'relay', { place: '2026-11-22T12:00:00.000Z' }, { rewind: '2026-11-22T11:00:00.000Z' }]],
      );
    });

    it('a rewind that goes forwards is refused, and changes nothing', async () => {
      const before = await record();
      assert.match(JSON.stringify(await run('rewind', { to: place + 1_000 })), /refused.*can only go back/);
      assert.deepEqual(await record(), before);
    });
  });
});
