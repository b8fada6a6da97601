// What runs regularly looks after: messages of decisions that were not published, and the anchor of the audit. Attacks
// I9 (somebody stands for it) after a death between a decision and its message.
import assert from 'node:assert/strict';
import { auditAnchorRef } from '../../src/audit/anchor.ts';
import { hourMs, minuteMs, secondMs } from '../../src/clock.ts';
import { maxOrdinal, versionOf } from '../../src/events/version.ts';
import { operationNamed } from '../../src/operations/all.ts';
import { runOperation } from '../../src/operations/runOperation.ts';
import { lookAfter, startUpkeep } from '../../src/operations/upkeep.ts';
import { emptyProjectRecord, projectRecordData, projectRecordRef } from '../../src/records/projectRecord.ts';
import { manualClock } from '../support/clock.ts';
import { until } from '../support/until.ts';
import { type OperationsFixture, operator, startOperationsFixture } from './operations.fixture.ts';

describe('upkeep of operations', () => {
  let fixture: OperationsFixture;
  beforeEach(async () => {
    fixture = await startOperationsFixture();
  });
  afterEach(() => fixture.close());

  const run = (name: string, input: unknown) => {
    const operation = operationNamed(name);
    assert.ok(operation);
    return runOperation(fixture.services, operation, { actor: operator, reason: 'r', input });
  };
  const anchors = () => fixture.log.lines.filter(({ fields }) => fields.signal === 'audit-anchor');

  it('publishes what could not be published, once Pub/Sub takes it, and only then forgets it', async () => {
    fixture.requests.fail(new Error('Pub/Sub is unavailable'));
    const asked = await run('reconcile', { mode: 'report' });
    assert.equal(asked.kind, 'done', 'the decision stands');
    await lookAfter(fixture.upkeep);
    assert.equal(fixture.requests.messages.length, 0);
    assert.match(JSON.stringify(fixture.log.lines), /the message of a decision could not be published; it is kept/);
    fixture.requests.succeed();
    await lookAfter(fixture.upkeep);
    await lookAfter(fixture.upkeep);
    assert.equal(fixture.requests.messages.length, 1);
    const jobId = asked.kind === 'done' ? asked.outcome.jobId : undefined;
    assert.equal(JSON.parse(String(fixture.requests.messages[0]?.data)).jobId, jobId);
  });

  it('goes on past a document of the outbox that is no message', async () => {
    await fixture.firestore.doc('syncOutbox/0-damaged').set({ topic: 'nowhere' });
    fixture.requests.fail(new Error('Pub/Sub is unavailable'));
    await run('reconcile', { mode: 'report' });
    fixture.requests.succeed();
    await lookAfter(fixture.upkeep);
    assert.equal(fixture.requests.messages.length, 1);
    assert.match(JSON.stringify(fixture.log.lines), /syncOutbox\/0-damaged keeps no message/);
  });

  it('goes on past any number of messages that a topic refuses', async () => {
    const batch = fixture.firestore.batch();
    for (let n = 0; n < 250; n += 1) {
      const data = Buffer.from('{}');
      batch.set(fixture.firestore.doc(`syncOutbox/refused-${n}`), { topic: 'events', data, attributes: [] });
    }
    await batch.commit();
    fixture.requests.fail(new Error('Pub/Sub is unavailable'));
    await run('reconcile', { mode: 'report' });
    const [asked] = (await fixture.firestore.collection('syncOutbox').where('topic', '!=', 'events').get()).docs;
    assert.ok(asked);
    await fixture.firestore.doc('syncOutbox/the-last-one').set(asked.data());
    await asked.ref.delete();
    fixture.requests.succeed();
    fixture.events.fail(new Error('permission denied'));
    await lookAfter(fixture.upkeep);
    assert.equal(fixture.requests.messages.length, 1);
    fixture.events.succeed();
    await lookAfter(fixture.upkeep);
    assert.equal(fixture.events.messages.length, 250);
    assert.equal((await fixture.firestore.collection('syncOutbox').get()).size, 0);
  });

  it('logs the head of the audit once an hour, whoever runs', async () => {
    await run('pause', { what: 'relay' });
    await lookAfter(fixture.upkeep);
    await lookAfter(fixture.upkeep);
    assert.equal(anchors().length, 1);
    await run('resume', { what: 'relay' });
    fixture.clock.advance(hourMs);
    await lookAfter(fixture.upkeep);
    assert.deepEqual(
      anchors().map(({ fields }) => fields.sequence),
      [1, 2],
    );
    const { hash, sequence } = (await auditAnchorRef(fixture.firestore).get()).data() ?? {};
    assert.deepEqual({ hash, sequence }, { hash: anchors()[1]?.fields.hash, sequence: 2 });
  });

  it('visits projects whose deletion was applied a while ago, and goes on when that fails', async () => {
    const now = fixture.clock.now();
    const version = versionOf({ seconds: Math.floor(now / secondMs) - 60, increment: 1 }, 0);
    const desired = { kind: 'deleted', version, deletedVersion: version, fields: {} } as const;
    const record = { ...emptyProjectRecord('p1'), desired, visit: { number: 1, at: now } };
    await projectRecordRef(fixture.firestore, 'p1').set(projectRecordData(record));
    await fixture.firestore.doc('storyboards/late').set({ projectId: 'p1' });
    await lookAfter(fixture.upkeep);
    assert.match(JSON.stringify(fixture.log.lines), /a deleted project could not be visited; retrying/);
    assert.equal(anchors().length, 1, 'the rest was done');
    // Firestore has the time of the machine.
    const reached = versionOf({ seconds: Math.ceil(Date.now() / secondMs), increment: 1 }, maxOrdinal);
    await lookAfter({ ...fixture.upkeep, truth: { ask: async () => ({ version: reached, projects: new Map() }) } });
    const [message] = fixture.events.messages;
    assert.equal(message?.attributes.type, 'ProjectDeleted');
    assert.equal(JSON.parse(String(message?.data)).origin.channel, 'visit');
    assert.equal((await projectRecordRef(fixture.firestore, 'p1').get()).get('visitNumber'), 2);
  });

  it('does it every minute until it is stopped, and survives an unreachable Firestore', async () => {
    const clock = manualClock();
    fixture.server.faults.inject('RunQuery', { error: { code: 'PERMISSION_DENIED' } }, 1);
    const stop = startUpkeep({ ...fixture.upkeep, clock });
    await until(() => clock.timers() === 1, 'the first round is over');
    assert.match(JSON.stringify(fixture.log.lines), /the messages of decisions could not be listed/);
    const { size } = await fixture.firestore.collection('syncControl').get();
    clock.advance(minuteMs);
    await until(() => clock.timers() === 1, 'the second round is over');
    stop();
    assert.equal(clock.timers(), 0);
    assert.equal(size, 1, 'the anchor was written in the first round');
  });
});
