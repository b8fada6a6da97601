// Attacks I2 (order-free) and I3 (newest wins): any order and number of deliveries of a project's history fold to the
// state of its last commit.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CopyValue } from '../../src/events/copyValue.ts';
import { versionOf } from '../../src/events/version.ts';
import { type Desired, emptyProjectRecord } from '../../src/records/projectRecord.ts';
import { type Change, fold } from '../../src/sync/fold.ts';

const fields = ['name', 'status', 'profile.title'] as const;
const unknown = emptyProjectRecord('p').desired;

type Step =
  | { readonly do: 'create'; readonly values: Readonly<Record<string, CopyValue>> }
  | { readonly do: 'update'; readonly values: Readonly<Record<string, CopyValue>> }
  | { readonly do: 'delete' };

const value = fc.oneof(fc.string({ maxLength: 4 }), fc.constant(null), fc.integer(), fc.boolean());
const allFields = fc.record({ name: value, status: value, 'profile.title': value });
const someFields = fc
  .tuple(fc.subarray([...fields], { minLength: 1 }), allFields)
  .map(([chosen, values]) => Object.fromEntries(chosen.map((field) => [field, values[field]])));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: allFields.map((values): Step => ({ do: 'create', values })) },
  { weight: 4, arbitrary: someFields.map((values): Step => ({ do: 'update', values })) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'delete' }) },
);

interface Truth {
  readonly exists: boolean;
  readonly values: Readonly<Record<string, CopyValue>>;
}

/** A possible history: steps that do not fit the state (an update of what does not exist) are left out. */
function historyOf(steps: readonly Step[]): { readonly events: Change[]; readonly end: Truth } {
  const events: Change[] = [];
  let end: Truth = { exists: false, values: {} };
  steps.forEach((next, index) => {
    const version = versionOf({ seconds: 1000 + Math.floor(index / 3), increment: 1 }, index % 3);
    if (next.do === 'create' && !end.exists) {
      end = { exists: true, values: next.values };
      events.push({ type: 'ProjectCreated', version, changes: next.values });
    } else if (next.do === 'update' && end.exists) {
      end = { exists: true, values: { ...end.values, ...next.values } };
      events.push({ type: 'ProjectUpdated', version, changes: next.values });
    } else if (next.do === 'delete' && end.exists) {
      end = { exists: false, values: {} };
      events.push({ type: 'ProjectDeleted', version, changes: {} });
    }
  });
  return { events, end };
}

const history = fc
  .array(step, { minLength: 1, maxLength: 14 })
  .map(historyOf)
  .filter(({ events }) => events.length > 0);

/** The history with its events repeated and shuffled. */
const disordered = history.chain(({ events, end }) =>
  fc
    .array(fc.nat({ max: events.length - 1 }), { maxLength: events.length })
    .chain((repeats) => {
      const all = [...events, ...repeats.flatMap((index) => events[index] ?? [])];
      return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
    })
    .map((delivered) => ({ events, delivered, end })),
);

const foldAll = (events: readonly Change[]): Desired =>
  events.reduce<Desired>((desired, event) => fold(desired, event).desired, unknown);

describe('fold (property)', () => {
  it('comes to the state of the last commit, whatever the order and number of deliveries', () => {
    fc.assert(
      fc.property(disordered, ({ events, delivered, end }) => {
        const desired = foldAll(delivered);
        assert.deepEqual(desired, foldAll(events), 'another state than in commit order');
        assert.equal(desired.kind, end.exists ? 'live' : 'deleted');
        const values = Object.fromEntries(Object.entries(desired.fields).map(([field, state]) => [field, state.value]));
        assert.deepEqual(values, { ...end.values });
      }),
      { numRuns: 1_000 },
    );
  });

  it('says `none` for every repetition', () => {
    fc.assert(
      fc.property(disordered, ({ events, delivered }) => {
        const desired = foldAll(delivered);
        for (const event of events) {
          const again = fold(desired, event);
          assert.equal(again.change, 'none');
          assert.deepEqual(again.desired, desired);
        }
      }),
    );
  });

  it('says `effect` whenever what assets must show has changed, and never misses a deletion', () => {
    fc.assert(
      fc.property(disordered, ({ delivered }) => {
        let desired = unknown;
        for (const event of delivered) {
          const next = fold(desired, event);
          const shown = (state: Desired) =>
            JSON.stringify([
              state.kind,
              Object.entries(state.fields)
                .map(([k, f]) => [k, f.value])
                .sort(),
            ]);
          if (next.desired.kind === 'live' && shown(next.desired) !== shown(desired)) {
            const lostOnly = Object.keys(next.desired.fields).every(
              (field) => desired.fields[field]?.version === next.desired.fields[field]?.version,
            );
            assert.equal(next.change, lostOnly && desired.kind === 'live' ? 'versions' : 'effect');
          }
          if (next.desired.kind === 'deleted' && next.desired.version !== desired.version)
            assert.equal(next.change, 'effect');
          desired = next.desired;
        }
      }),
    );
  });
});
