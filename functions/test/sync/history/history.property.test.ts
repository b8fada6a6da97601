// Attacks "the fold of a project's history is its record", without any input or output.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { eventId, type ProjectEvent } from '../../../src/events/contract.ts';
import { versionOf } from '../../../src/events/version.ts';
import {
  emptyProjectRecord,
  type ProjectRecord,
  parseProjectRecord,
  projectRecordData,
} from '../../../src/records/projectRecord.ts';
import { differencesFromHistory, foldHistory, historyOf } from '../../../src/sync/foldHistory.ts';
import { defaultSyncLimits } from '../../../src/sync/limits.ts';
import { shows } from '../../../src/sync/openEvents.ts';
import type { Fact } from '../../../src/sync/settle.ts';
import type { Step } from '../../../src/sync/transact.ts';
import {
  claimed,
  claimedForRepair,
  completed,
  corrected,
  failed,
  heldBack,
  paused,
  reloaded,
  type Work,
} from '../../../src/sync/transitions.ts';
import { eventAt } from '../../support/eventAt.ts';
import { type HistoryStore, historyStore } from './historyStore.ts';

const startSeconds = 1_700_000_000;
const start = (startSeconds + 30) * 1_000;
const fields = ['name', 'status'];

const values = fc.constantFrom('a', 'b', null, 'long '.repeat(1_000), 'as long '.repeat(1_000));

const event = fc
  .record({
    type: fc.constantFrom('ProjectCreated' as const, 'ProjectUpdated' as const, 'ProjectDeleted' as const),
    // What is later than MongoDB's answers is invented.
    at: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 12 }) }, fc.integer({ min: 40, max: 42 })),
    changes: fc.oneof(
      fc.record({ name: values }),
      fc.record({ status: values }),
      fc.record({ name: values, status: values }),
      fc.constant({}),
    ),
  })
  .map(({ type, at, changes }) => eventAt({ type, seconds: startSeconds + at, actor: `who-${at}` }, changes));

/** What MongoDB says: later than every event that is true, and later each time. */
const fact = fc.record({ fields: fc.option(fc.record({ name: values, status: values }), { nil: null }) });

const delivery = fc.record({
  event,
  end: fc.constantFrom('complete', 'fail', 'die', 'pause', 'hold'),
  isRepair: fc.boolean(),
  correction: fc.option(fact, { nil: undefined }),
  leaseRunsOut: fc.boolean(),
  /** How far the clock of the worker is ahead, in ms. */
  ahead: fc.oneof(fc.constant(0), fc.integer({ min: -5_000, max: 5_000 })),
  /** Reaches the record while MongoDB is asked. */
  meanwhile: fc.option(event, { nil: undefined, freq: 3 }),
});
type Delivery = typeof delivery extends fc.Arbitrary<infer T> ? T : never;

/** What a reconciliation brings: an event of its own. */
function repairEvent({ version, fields: said }: Fact): ProjectEvent {
  return {
    specversion: 1,
    id: eventId('p', version),
    type: said === null ? 'ProjectDeleted' : 'ProjectUpdated',
    projectId: 'p',
    version,
    occurredAt: '2026-11-22T12:00:00.000Z',
    changes: { ...said },
    origin: { service: 'lockstep', channel: 'reconciliation' },
  };
}

interface Life {
  record: ProjectRecord;
  readonly history: HistoryStore;
}

/** Runs deliveries one after the other; `check` sees what is stored after each transaction. The same event is always
 *  the same: of two that differ, the second is the first again. */
function run(deliveries: readonly Delivery[], check: (life: Life) => void): Life {
  const life: Life = { record: emptyProjectRecord('p'), history: historyStore() };
  const known = new Map<string, ProjectEvent>();
  let clock = start;
  /** Whether an event was refused that has still to be redelivered: until then its news may be dropped with a false
   *  claim that outranked it. */
  let isOwed = false;
  const take = <T>({ outcome, record, history }: Step<T>): T => {
    if (record) life.record = parseProjectRecord('p', projectRecordData(record));
    life.history.write(history);
    if (!isOwed) check(life);
    return outcome;
  };
  const asFirstDrawn = (drawn: ProjectEvent): ProjectEvent => {
    const first = known.get(drawn.id) ?? drawn;
    known.set(first.id, first);
    return first;
  };
  deliveries.forEach(({ event: drawn, end, isRepair, correction, leaseRunsOut, ahead, meanwhile }, index) => {
    const each = asFirstDrawn(drawn);
    clock += leaseRunsOut ? 10 * defaultSyncLimits.leaseMs : 1;
    const now = clock + ahead;
    const terms = { now, limits: { ...defaultSyncLimits, maxAttempts: 3 } };
    const said = {
      version: versionOf({ seconds: startSeconds + 13 + index, increment: 1 }, 0),
      fields: correction?.fields ?? null,
      askedAt: now,
    };
    const holder = { holder: `holder-${index}`, fields };
    let worked = isRepair ? repairEvent(said) : each;
    let outcome = isRepair ? undefined : take(claimed(life.record, { ...terms, ...holder, event: each }));
    const isOdd = outcome?.kind === 'odd';
    if (isOdd) worked = each;
    if (isRepair || isOdd) outcome = take(claimedForRepair(life.record, { ...terms, ...holder, event: worked }));
    if (outcome?.kind !== 'claimed') return;
    const work: Work = {
      event: worked,
      lease: outcome.lease,
      startedAt: now,
      ...((isRepair || isOdd) && { repair: { seen: outcome.record.desired, fact: said, mayDelete: true } }),
    };
    const seen = life.record.desired;
    const other = meanwhile && {
      ...terms,
      event: asFirstDrawn(meanwhile),
      holder: `other-${index}`,
      fields,
      now: clock,
    };
    if (other !== undefined) isOwed = take(claimed(life.record, other)).kind === 'busy';
    if (work.repair === undefined && correction) take(corrected(life.record, work, seen, said, terms));
    const goal = take(reloaded(life.record, work));
    assert.ok(goal);
    switch (end) {
      case 'complete':
        take(completed(life.record, work, goal, { processed: 1, scanned: 1 }, terms));
        assert.deepEqual(life.record.open, []);
        break;
      case 'fail':
        take(failed(life.record, work, null, 'an error', terms));
        break;
      case 'hold':
        if (work.repair === undefined && goal.desired.kind === 'deleted')
          take(heldBack(life.record, work, goal, 1, terms));
        break;
      case 'pause':
        take(
          paused(
            life.record,
            work,
            {
              revision: goal.revision,
              plan: '',
              isShadow: false,
              ranges: [],
              processed: 0,
              scanned: 0,
              total: 1,
              startedAt: now,
              createdBefore: null,
            },
            terms,
          ),
        );
        break;
      case 'die':
        break;
    }
    if (other === undefined || !isOwed) return;
    isOwed = false;
    take(claimed(life.record, { ...other, holder: `other-${index}-again` }));
  });
  return life;
}

describe('the history of a project (property)', () => {
  it('folds to its record after every transaction, whatever becomes of the work', () => {
    fc.assert(
      fc.property(fc.array(delivery, { maxLength: 14 }), (deliveries) => {
        run(deliveries, ({ record, history }) => {
          assert.deepEqual(differencesFromHistory(record, history.entries.values(), 0), []);
        });
      }),
      { numRuns: 600 },
    );
  });

  it('folds to exactly its record where MongoDB corrected nothing, in any order of reading', () => {
    const short = fc
      .array(delivery, { maxLength: 14 })
      .chain((deliveries) => fc.tuple(fc.constant(deliveries), fc.infiniteStream(fc.nat())));
    fc.assert(
      fc.property(short, ([deliveries, order]) => {
        const { record, history } = run(
          deliveries.map((each) => ({ ...each, isRepair: false, correction: undefined })),
          () => undefined,
        );
        const shuffled = historyOf(record, history.entries.values())
          .map((entry) => ({ entry, at: order.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ entry }) => entry);
        const told = foldHistory(shuffled);
        assert.deepEqual(
          [told.kind, told.version, told.deletedVersion],
          [record.desired.kind, record.desired.version, record.desired.deletedVersion],
        );
        assert.deepEqual(Object.keys(told.fields).sort(), Object.keys(record.desired.fields).sort());
      }),
    );
  });

  it('has an entry, or an open event, of every event that was taken in; only what is shown is open', () => {
    fc.assert(
      fc.property(fc.array(delivery, { maxLength: 14 }), (deliveries) => {
        const events = deliveries.map((each) => ({ ...each, isRepair: false }));
        const { record, history } = run(events, (life) => {
          for (const { version } of life.record.open) assert.ok(shows(life.record.desired, version));
        });
        for (const { event: each } of events) {
          const isKnown = history.entries.has(each.id) || record.open.some(({ id }) => id === each.id);
          assert.ok(isKnown, `nothing is known of ${each.id}`);
        }
      }),
    );
  });

  it('tells by whom what the assets show was changed', () => {
    fc.assert(
      fc.property(fc.uniqueArray(event, { minLength: 1, maxLength: 6, selector: ({ id }) => id }), (events) => {
        const updates = events.map((each) => ({
          ...each,
          type: 'ProjectUpdated' as const,
          changes: { name: each.id },
        }));
        const [first, ...others] = updates;
        assert.ok(first);
        const terms = { now: start, limits: defaultSyncLimits };
        const claim = claimed(emptyProjectRecord('p'), { ...terms, event: first, holder: 'h', fields });
        assert.ok(claim.outcome.kind === 'claimed' && claim.record);
        let { record } = claim;
        const history = historyStore();
        history.write(claim.history);
        for (const other of others) {
          const met = claimed(record, { ...terms, event: other, holder: other.id, fields });
          assert.equal(met.outcome.kind, 'busy');
          record = met.record ?? record;
          history.write(met.history);
        }
        const work: Work = { event: first, lease: claim.outcome.lease, startedAt: start };
        const end = completed(record, work, record, { processed: 1, scanned: 1 }, terms);
        history.write(end.history);
        const newest = updates.reduce((a, b) => (a.version > b.version ? a : b));
        assert.equal(end.job?.initiator.actor, newest.origin.actor);
        assert.equal(history.count(), updates.length, 'one write for each event');
        for (const { id } of updates) {
          const entry = history.entries.get(id);
          assert.equal(entry?.outcome, id === newest.id ? 'applied' : 'superseded');
        }
        assert.equal(history.entries.get(newest.id)?.jobId, first.id);
      }),
    );
  });
});
