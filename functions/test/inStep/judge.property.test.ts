// Whether a record says that assets show what MongoDB held: attacks "never in step while something is missing".
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { maxOrdinal, partsOf, versionOf } from '../../src/events/version.ts';
import { firstVersionAt } from '../../src/inStep/clusterTime.ts';
import { judge } from '../../src/inStep/judge.ts';
import { type Desired, emptyProjectRecord, type ProjectRecord } from '../../src/records/projectRecord.ts';
import { type Change, fold } from '../../src/sync/fold.ts';

const fields = ['name', 'status'];
const nobody = emptyProjectRecord('p');

/** A project's life: it is created with every field; updates touch some fields, or none that is configured. Some
 *  changes are of the transaction of the one before: they have its time. */
const lives = fc
  .array(
    fc.record({
      what: fc.constantFrom('update', 'update', 'update', 'delete'),
      touched: fc.subarray(fields),
      value: fc.integer({ min: 0, max: 2 }),
      isOfSameTime: fc.boolean(),
    }),
    { maxLength: 6 },
  )
  .map((steps): Change[] => {
    let isThere = false;
    let [seconds, ordinal] = [1_000, -1];
    const first = { what: 'update', touched: fields, value: 0, isOfSameTime: true };
    return [first, ...steps].map(({ what, touched, value, isOfSameTime }) => {
      [seconds, ordinal] = isOfSameTime ? [seconds, ordinal + 1] : [seconds + 1, 0];
      const version = versionOf({ seconds, increment: 1 }, ordinal);
      const type = !isThere ? 'ProjectCreated' : what === 'delete' ? 'ProjectDeleted' : 'ProjectUpdated';
      const named = type === 'ProjectCreated' ? fields : type === 'ProjectDeleted' ? [] : touched;
      isThere = type !== 'ProjectDeleted';
      return { type, version, changes: Object.fromEntries(named.map((field) => [field, value])) };
    });
  });

/** A change of no configured field never becomes an event. */
const isEvent = ({ type, changes }: Change) => type !== 'ProjectUpdated' || Object.keys(changes).length > 0;

const folded = (changes: readonly Change[]): Desired =>
  changes.filter(isEvent).reduce((desired, change) => fold(desired, change).desired, nobody.desired);

const recordOf = (desired: Desired): ProjectRecord => ({ ...nobody, desired, revision: 1, appliedRevision: 1 });

const valuesOf = ({ kind, fields: states }: Desired) =>
  kind === 'deleted' ? null : Object.fromEntries(Object.entries(states).map(([field, { value }]) => [field, value]));

/** The changes that were committed together with one of a life. */
const transactionOf = (life: readonly Change[], at: number) => {
  const time = firstVersionAt(life[at]?.version ?? '');
  return { time, changes: life.filter(({ version }) => firstVersionAt(version) === time) };
};

/** What MongoDB says that it holds: never the middle of a transaction. */
const heldAt = (life: readonly Change[], at: number) => {
  const { seconds, increment } = partsOf(life[at]?.version ?? '');
  const version = versionOf({ seconds, increment }, maxOrdinal);
  return { version, held: folded(life.filter((change) => change.version <= version)) };
};

/** Some of a project's changes, in the order in which they were delivered, and the time that is asked for. */
const deliveries = lives.chain((life) =>
  fc.record({
    life: fc.constant(life),
    delivered: fc.shuffledSubarray(life),
    at: fc.integer({ min: 0, max: life.length - 1 }),
  }),
);

describe('in step, as a record says', () => {
  it('by MongoDB’s word: each field shows what MongoDB held, or something newer', () => {
    fc.assert(
      fc.property(deliveries, ({ life, delivered, at }) => {
        const { version, held } = heldAt(life, at);
        const shown = folded(delivered);
        const judgement = judge(recordOf(shown), { kind: 'state', version, fields: valuesOf(held) }, fields);
        if (judgement.kind === 'not-yet') return;
        for (const field of fields) {
          const state = shown.fields[field];
          const isNewer = (state?.version ?? shown.version ?? '') > version || (shown.version ?? '') > version;
          assert.ok(isNewer || state?.value === held.fields[field]?.value, field);
        }
        if (held.kind === 'deleted') assert.ok(shown.kind === 'deleted' || (shown.version ?? '') > version);
      }),
    );
  });

  it('by MongoDB’s word: always once everything is delivered, in whatever order, and whatever it touched', () => {
    fc.assert(
      fc.property(
        lives.chain((life) =>
          fc.record({ life: fc.constant(life), order: fc.shuffledSubarray(life, { minLength: life.length }) }),
        ),
        ({ life, order }) => {
          const { version, held } = heldAt(life, life.length - 1);
          const expected = { kind: 'state', version, fields: valuesOf(held) } as const;
          assert.notEqual(judge(recordOf(folded(order)), expected, fields).kind, 'not-yet');
        },
      ),
    );
  });

  it('by the record alone: the change of that time is shown, or what is newer in each of its fields', () => {
    fc.assert(
      fc.property(deliveries, ({ life, delivered, at }) => {
        const { time, changes } = transactionOf(life, at);
        const shown = folded(delivered);
        const judgement = judge(recordOf(shown), { kind: 'change', version: time }, fields);
        if (judgement.kind === 'not-yet' || !changes.some(isEvent)) return;
        const isOutlived = (shown.deletedVersion ?? '') >= time;
        const isShown = changes
          .filter(isEvent)
          .map(({ changes: of, version }) =>
            Object.keys(of).every((field) => (shown.fields[field]?.version ?? '') >= version),
          );
        assert.ok(isOutlived || isShown.some(Boolean));
      }),
    );
  });

  it('by the record alone, with the fields that were written: each of them is of that time, or newer', () => {
    fc.assert(
      fc.property(deliveries, ({ life, delivered, at }) => {
        const { time, changes } = transactionOf(life, at);
        const written = [...new Set(changes.flatMap((change) => Object.keys(change.changes)))];
        const shown = folded(delivered);
        const judgement = judge(recordOf(shown), { kind: 'change', version: time, written }, written);
        if (judgement.kind === 'not-yet' || written.length === 0) return;
        const isOutlived = (shown.deletedVersion ?? '') > versionOf({ ...partsOf(time) }, maxOrdinal);
        for (const field of written) {
          assert.ok(isOutlived || (shown.fields[field]?.version ?? '') >= time, field);
        }
      }),
    );
  });

  it('by the record alone, of a transaction that changes a project twice: not before its second change', () => {
    const version = versionOf({ seconds: 1_000, increment: 1 }, 0);
    const created = { type: 'ProjectCreated', version: versionOf({ seconds: 900, increment: 1 }, 0) } as const;
    const first = { type: 'ProjectUpdated', version, changes: { name: 'b' } } as const;
    const record = recordOf(folded([{ ...created, changes: { name: 'a', status: 'a' } }, first]));
    const judged = (written: readonly string[]) => judge(record, { kind: 'change', version, written }, written).kind;
    assert.equal(judged(['status']), 'not-yet', 'of the field that the second change wrote');
    assert.equal(judged(['name', 'status']), 'not-yet', 'of both');
    assert.equal(judged(['name']), 'in-step');
    const deletedFirst = recordOf(folded([{ type: 'ProjectDeleted', version, changes: {} }]));
    assert.equal(judge(deletedFirst, { kind: 'change', version, written: ['name'] }, ['name']).kind, 'not-yet');
  });

  it('by the record alone: the newest change of a project counts as soon as it is folded', () => {
    fc.assert(
      fc.property(lives, (life) => {
        const events = life.filter(isEvent);
        const version = events.at(-1)?.version ?? '';
        assert.notEqual(judge(recordOf(folded(events)), { kind: 'change', version }, fields).kind, 'not-yet');
      }),
    );
  });

  it('not of what is behind, held or parked', () => {
    const version = versionOf({ seconds: 5, increment: 1 }, 0);
    const desired: Desired = { kind: 'deleted', version, deletedVersion: version, fields: {} };
    const expected = { kind: 'change', version } as const;
    const record = { ...recordOf(desired), revision: 2 };
    const kinds = [
      record,
      { ...record, parked: { eventId: 'e', since: 0 } },
      { ...record, hold: { state: 'held', since: 0, eventId: 'e', version } } as const,
      { ...recordOf(desired), hold: { state: 'discarded', since: 0, eventId: 'e', version } } as const,
      recordOf(desired),
    ].map((each) => judge(each, expected, fields));
    assert.deepEqual(kinds, [
      { kind: 'not-yet', missing: 'assets' },
      { kind: 'parked' },
      { kind: 'held', state: 'held' },
      { kind: 'held', state: 'discarded' },
      { kind: 'deleted', version, revision: 1 },
    ]);
  });
});

describe('a time of MongoDB', () => {
  it('is the driver’s timestamp, its parts, a version or text', () => {
    const expected = '00000005000000070000';
    const timestamp = { getHighBitsUnsigned: () => 5, getLowBitsUnsigned: () => 7 };
    for (const time of [timestamp, { seconds: 5, increment: 7 }, '5:7', '00000005000000070003']) {
      assert.equal(firstVersionAt(time), expected);
    }
    for (const wrong of ['', '5', '5:', '99999999999:1', 'x:y', '4294967296:1']) {
      assert.throws(() => firstVersionAt(wrong), RangeError, wrong);
    }
  });
});
