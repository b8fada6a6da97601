// The frame of operations on a real client and a local Firestore: attacks I12, role by role and write by write.
import assert from 'node:assert/strict';
import { auditHeadRef } from '../../src/audit/head.ts';
import { controlRef, createControlReader, parseControl, pauseOf } from '../../src/control/control.ts';
import { operationNamed } from '../../src/operations/all.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { type Call, previewOperation, runOperation } from '../../src/operations/runOperation.ts';
import { auditOf, type OperationsFixture, operator, startOperationsFixture, viewer } from './operations.fixture.ts';

describe('operations: pause and resume', () => {
  let fixture: OperationsFixture;
  beforeEach(async () => {
    fixture = await startOperationsFixture();
  });
  afterEach(() => fixture.close());

  const run = (name: string, input: unknown, call: Partial<Call> = {}) =>
    runOperation(fixture.services, named(name), { actor: operator, reason: 'maintenance', input, ...call });
  const paused = async () => {
    const ref = controlRef(fixture.firestore);
    return parseControl(ref.path, (await ref.get()).data()).paused.map(({ what }) => what);
  };

  it('pauses and resumes, each with its entry: who, what, why, before and after', async () => {
    const outcome = await run('pause', { what: 'relay' });
    assert.deepEqual(outcome, {
      kind: 'done',
      outcome: { result: 'relay: paused', count: 1, sequence: 1, jobId: null },
    });
    await run('pause', { what: 'collection', collection: 'media' });
    await run('resume', { what: 'relay' });
    assert.deepEqual(await paused(), ['collection:media']);
    const entries = await auditOf(fixture.firestore);
    assert.deepEqual(
      entries.map(({ sequence, actor, role, via, action, target, reason, before, after, result }) =>
        [sequence, actor, role, via, action, target, reason, JSON.stringify([before, after]), result].join(' | '),
      ),
      [
        '1 | olga@example.com | operator | api | pause | relay | maintenance | [{"paused":[]},{"paused":["relay"]}] | paused',
        '2 | olga@example.com | operator | api | pause | collection:media | maintenance | [{"paused":["relay"]},{"paused":["relay","collection:media"]}] | paused',
        '3 | olga@example.com | operator | api | resume | relay | maintenance | [{"paused":["relay","collection:media"]},{"paused":["collection:media"]}] | resumed',
      ],
    );
  });

  it('does nothing twice: the same call again changes nothing and leaves no entry', async () => {
    await run('pause', { what: 'deletions' });
    assert.deepEqual(await run('pause', { what: 'deletions' }), {
      kind: 'done',
      outcome: { result: 'deletions: was paused before', count: 0, sequence: null, jobId: null },
    });
    assert.equal((await auditOf(fixture.firestore)).length, 1);
  });

  it('a preview says what it would do, and changes nothing', async () => {
    const call = { actor: operator, input: { what: 'relay' } };
    const previewed = await previewOperation(fixture.services, named('pause'), call);
    assert.equal(previewed.kind === 'preview' && previewed.preview.count, 1);
    assert.deepEqual(await paused(), []);
    assert.deepEqual(await auditOf(fixture.firestore), []);
  });

  for (const [what, change, expected] of [
    ['a viewer', { actor: viewer }, /forbidden.*operator/],
    ['an unknown thing', { input: { what: 'everything' } }, /"field":"input\.what"/],
    ['a collection without a name', { input: { what: 'collection' } }, /"field":"input\.collection"/],
    ['a name without a collection', { input: { what: 'relay', collection: 'media' } }, /"field":"input\.collection"/],
    [
      'a collection that is not configured',
      { input: { what: 'collection', collection: 'nope' } },
      /refused.*there are: storyboards.*"field":"input\.collection"/,
    ],
    ['a field that is not known', { input: { what: 'relay', force: true } }, /"field":"input\.force"/],
    ['no input', { input: undefined }, /"field":"input"/],
    ['no reason', { reason: '  ' }, /"field":"reason"/],
    ['a reason that is no text', { reason: 7 }, /"field":"reason"/],
    ['a reason of a novel', { reason: 'x'.repeat(501) }, /"field":"reason"/],
    ['a number that is none', { confirm: '11' }, /"field":"confirm"/],
  ] as const) {
    it(`refuses ${what}, says which field is wrong, and changes nothing`, async () => {
      const refusal = await run('pause', { what: 'relay' }, change);
      assert.notEqual(refusal.kind, 'done');
      assert.match(JSON.stringify(refusal), expected);
      assert.deepEqual(await paused(), []);
      assert.deepEqual(await auditOf(fixture.firestore), []);
    });
  }

  it('action and entry are both there or neither, whichever write fails and however', async () => {
    for (const fault of [
      { error: { code: 'PERMISSION_DENIED' } },
      { error: { code: 'PERMISSION_DENIED' }, afterEffect: true },
      { error: { code: 'UNAVAILABLE' }, afterEffect: true },
      { error: { code: 'ABORTED' } },
    ]) {
      fixture.server.clear();
      fixture.server.faults.inject('Commit', fault, 1);
      await run('pause', { what: 'relay' }).catch(() => undefined);
      assert.equal(fixture.server.faults.pending(), 0);
      assert.equal((await auditOf(fixture.firestore)).length, (await paused()).length, JSON.stringify(fault));
      await run('pause', { what: 'relay' });
      assert.deepEqual(await paused(), ['relay']);
      assert.equal((await auditOf(fixture.firestore)).length, 1, JSON.stringify(fault));
    }
  });

  it('actions at the same time follow each other in the chain, without a gap', async () => {
    const whats = [
      { what: 'relay' },
      { what: 'deletions' },
      ...['storyboards', 'media', 'analyses'].map((collection) => ({ what: 'collection', collection })),
    ];
    await Promise.all(whats.map((input) => run('pause', input)));
    assert.equal((await paused()).length, whats.length);
    assert.equal((await auditOf(fixture.firestore)).length, whats.length);
  });

  it('nothing is decided behind a head that was set back, and the error says how to repair it', async () => {
    await run('pause', { what: 'relay' });
    await auditHeadRef(fixture.firestore).delete();
    await assert.rejects(
      run('resume', { what: 'relay' }),
      /syncControl\/auditHead .*entries follow behind it.*audit -- verify/,
    );
    assert.deepEqual(await paused(), ['relay']);
    await auditHeadRef(fixture.firestore).set({ sequence: 'one' });
    await assert.rejects(run('resume', { what: 'relay' }), /is not the head of the audit/);
  });

  it('a reader knows of a pause within five seconds, and asks no more often', async () => {
    const reader = createControlReader(fixture.firestore, fixture.clock);
    assert.deepEqual((await reader.read()).paused, []);
    await run('pause', { what: 'relay' });
    fixture.clock.advance(4_999);
    assert.equal(pauseOf(await reader.read(), 'relay'), undefined);
    fixture.clock.advance(1);
    assert.equal(pauseOf(await reader.read(), 'relay')?.by, operator.name);
  });

  it('a record that cannot be read stops what depends on it, and says how to repair it', async () => {
    await controlRef(fixture.firestore).set({ paused: 'yes' });
    const reader = createControlReader(fixture.firestore, fixture.clock);
    await assert.rejects(reader.read(), /syncControl\/state cannot be read .*remove it/);
    await controlRef(fixture.firestore).delete();
    assert.deepEqual((await reader.read()).paused, []);
  });
});

function named(name: string): Operation {
  const operation = operationNamed(name);
  assert.ok(operation, name);
  return operation;
}
