// Attacks I1, I2, I3, I9: the transitions of a project's record, without any input or output.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { versionOf } from '../../src/events/version.ts';
import {
  emptyProjectRecord,
  type ProjectRecord,
  parseProjectRecord,
  projectRecordData,
} from '../../src/records/projectRecord.ts';
import { fold } from '../../src/sync/fold.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';
import { settle } from '../../src/sync/settle.ts';
import type { Step } from '../../src/sync/transact.ts';
import {
  claimed,
  claimedForRepair,
  completed,
  failed,
  paused,
  reloaded,
  type Work,
} from '../../src/sync/transitions.ts';
import { eventAt } from '../support/eventAt.ts';

const startSeconds = 1_700_000_000;
const now = startSeconds * 1_000 + 500_000;
const terms = { now, limits: defaultSyncLimits };

const event = fc
  .record({
    type: fc.constantFrom('ProjectCreated' as const, 'ProjectUpdated' as const, 'ProjectDeleted' as const),
    at: fc.integer({ min: 1, max: 12 }),
    name: fc.constantFrom('a', 'b', 'c'),
  })
  .map(({ type, at, name }) => eventAt({ type, seconds: startSeconds + at }, { name, unknown: 1 }));

/** One delivery, and how its work ends. */
const delivery = fc.record({
  event,
  end: fc.constantFrom('complete', 'fail', 'die', 'pause'),
  isRepair: fc.boolean(),
  leaseRunsOut: fc.boolean(),
});

interface Standing {
  /** Messages that are not acknowledged, and continuations. */
  readonly messages: Set<string>;
}

/** Runs deliveries one after the other, as Pub/Sub would. Returns the record and what stands for it after every step.
 */
function run(deliveries: readonly (typeof delivery extends fc.Arbitrary<infer T> ? T : never)[]): {
  readonly record: ProjectRecord;
  readonly standing: Standing;
} {
  let record = emptyProjectRecord('p');
  const standing: Standing = { messages: new Set() };
  let holders = 0;
  const take = <T>({ outcome, record: next }: Step<T>): T => {
    if (next) record = parseProjectRecord('p', projectRecordData(next));
    return outcome;
  };
  const check = (what: string) => {
    if (record.appliedRevision < record.revision)
      assert.ok(standing.messages.size > 0, `nobody stands for the record: ${what}`);
  };
  for (const { event, end, isRepair, leaseRunsOut } of deliveries) {
    holders += 1;
    const holder = `holder-${holders}`;
    const at = leaseRunsOut ? now + holders * 10 * defaultSyncLimits.leaseMs : now;
    const claim = { ...terms, now: at, event, holder, fields: ['name'] };
    if (!isRepair) standing.messages.add(event.id);
    const outcome = isRepair ? take(claimedForRepair(record, claim)) : take(claimed(record, claim));
    check('after the claim');
    if (outcome?.kind === 'duplicate' || outcome?.kind === 'exhausted') {
      // An exhausted event is a dead letter from here on: it stands for the record as a message does.
      if (outcome.kind === 'duplicate') standing.messages.delete(event.id);
      check(outcome.kind);
      continue;
    }
    if (outcome?.kind !== 'claimed') continue;
    const fact = {
      version: event.version,
      fields: event.type === 'ProjectDeleted' ? null : { name: 'm' },
      askedAt: at,
    };
    const work: Work = {
      event,
      lease: outcome.lease,
      startedAt: now,
      ...(isRepair && { repair: { seen: outcome.record.desired, fact, mayDelete: true } }),
    };
    const goal = take(reloaded(record, work));
    assert.ok(goal);
    switch (end) {
      case 'complete': {
        const completion = take(completed(record, work, goal, { processed: 1, scanned: 1 }, { ...terms, now: at }));
        assert.equal(completion.kind, 'done');
        assert.equal(record.appliedRevision, record.revision);
        assert.deepEqual(record.desired, goal.desired);
        standing.messages.delete(event.id);
        break;
      }
      case 'fail':
        take(failed(record, work, null, 'an error', { ...terms, now: at }));
        assert.equal(record.lease, null);
        break;
      case 'pause': {
        const progress = {
          revision: goal.revision,
          plan: 'plan',
          isShadow: false,
          ranges: [],
          processed: 1,
          scanned: 0,
          total: 2,
          startedAt: now,
          createdBefore: null,
        };
        // The continuation of a repair is published before, the one of an event before its message is acknowledged.
        standing.messages.add(event.id);
        take(paused(record, work, progress, { ...terms, now: at }));
        assert.ok(record.appliedRevision < record.revision, 'a continuation has something to do');
        assert.equal(record.progress?.revision, record.revision);
        break;
      }
      case 'die':
        break;
    }
    check(end);
  }
  return { record, standing };
}

describe('transitions of a record (property)', () => {
  it('leave at every moment somebody who stands for a record that is behind (I9)', () => {
    fc.assert(
      fc.property(fc.array(delivery, { maxLength: 12 }), (deliveries) => void run(deliveries)),
      { numRuns: 500 },
    );
  });

  it('bring the record to the fold of its events, whatever became of their work (I2, I3)', () => {
    fc.assert(
      fc.property(fc.array(delivery, { maxLength: 12 }), (deliveries) => {
        const events = deliveries.map((each) => ({ ...each, isRepair: false }));
        const { record } = run(events);
        let desired = emptyProjectRecord('p').desired;
        for (const { event: each } of events) {
          const changes = 'name' in each.changes ? { name: each.changes.name ?? null } : {};
          desired = fold(desired, { ...each, changes }).desired;
        }
        assert.deepEqual(record.desired, desired);
      }),
      { numRuns: 300 },
    );
  });

  it('give the same answer to a claim whose first answer was lost', () => {
    fc.assert(
      fc.property(event, (each) => {
        const claim = { ...terms, event: each, holder: 'h', fields: ['name'] };
        const first = claimed(emptyProjectRecord('p'), claim);
        assert.ok(first.record && first.outcome.kind === 'claimed');
        assert.deepEqual(claimed(first.record, claim).outcome, first.outcome);
      }),
    );
  });
});

describe('what MongoDB says (property)', () => {
  const facts = fc.record({
    at: fc.integer({ min: 1, max: 12 }),
    fields: fc.option(fc.record({ name: fc.constantFrom('a', 'm') }), { nil: null }),
  });

  it('outranks every claim that was on record before it was asked (I10)', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 6 }), facts, (events, { at, fields }) => {
        let seen = emptyProjectRecord('p').desired;
        for (const each of events) seen = fold(seen, each).desired;
        const version = versionOf({ seconds: startSeconds + at, increment: 2 }, 0xffff);
        const { desired } = settle(seen, seen, { version, fields, askedAt: now });
        assert.equal(desired.kind, fields === null ? 'deleted' : 'live');
        assert.equal(desired.version, version);
        if (fields !== null) assert.equal(desired.fields.name?.value, fields.name);
      }),
    );
  });

  it('does not outrank news that came since', () => {
    fc.assert(
      fc.property(event, facts, (news, { fields }) => {
        const seen = emptyProjectRecord('p').desired;
        const current = fold(seen, news).desired;
        const { desired } = settle(current, seen, {
          version: versionOf({ seconds: startSeconds, increment: 1 }, 0),
          fields,
          askedAt: now,
        });
        assert.equal(desired.kind, current.kind);
        assert.equal(desired.version, current.version);
      }),
    );
  });
});
