// A project's history, put together from what is left of it: attacks "its fold is the newest state, and nothing is
// published that was not so".
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { projectEventSchema } from '../../src/events/contract.ts';
import { type CopyValue, copyValueToJson } from '../../src/events/copyValue.ts';
import { versionOf } from '../../src/events/version.ts';
import { condensedAll } from '../../src/records/condensed.ts';
import type { HistoryEntry } from '../../src/records/historyEntry.ts';
import { emptyProjectRecord } from '../../src/records/projectRecord.ts';
import { replayableHistory } from '../../src/replay/projectHistory.ts';
import { type Change, fold } from '../../src/sync/fold.ts';

const nobody = emptyProjectRecord('p');
const folded = (changes: readonly Change[]) =>
  changes.reduce((desired, change) => fold(desired, change).desired, nobody.desired);

/** Short values, and ones that the history keeps only the hash of. */
const values = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'x'.repeat(2_000), 'y'.repeat(2_000)));

const histories = fc
  .array(
    fc.record({
      type: fc.constantFrom('ProjectCreated', 'ProjectUpdated', 'ProjectUpdated', 'ProjectDeleted'),
      changes: fc.dictionary(fc.constantFrom('name', 'status'), values),
      isKept: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((steps) =>
    steps.map(({ type, changes, isKept }, index) => ({
      isKept,
      change: {
        type,
        version: versionOf({ seconds: 1_000 + index, increment: 1 }, 0),
        changes: type === 'ProjectDeleted' ? {} : changes,
      } as const satisfies Change,
    })),
  );

const entryOf = ({ type, version, changes }: Change): HistoryEntry => ({
  id: `p:${version}`,
  projectId: 'p',
  type,
  version,
  origin: { service: 'test', channel: 'test', actor: 'ada' },
  changes: condensedAll(changes),
  folded: true,
  outcome: 'applied',
  jobId: null,
  assets: null,
  lagMs: null,
  receivedAt: 0,
  settledAt: 0,
  refutedBefore: [],
  facts: [],
});

describe('the history of a project, published again', () => {
  it('folds to the newest state, whatever has expired or was too long to be kept', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const desired = folded(history.map(({ change }) => change));
        const record = { ...nobody, desired, revision: 1, appliedRevision: 1 };
        const kept = history.filter(({ isKept }) => isKept).map(({ change }) => entryOf(change));
        const { events } = replayableHistory(record, kept);
        const { kind, version, fields } = folded(events);
        assert.deepEqual(
          { kind, version, fields },
          { kind: desired.kind, version: desired.version, fields: desired.fields },
        );
      }),
    );
  });

  it('has each change once, in the order of versions, and no value that it did not have', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const desired = folded(history.map(({ change }) => change));
        const record = { ...nobody, desired, revision: 1, appliedRevision: 1 };
        const { events, omitted } = replayableHistory(
          record,
          history.map(({ change }) => entryOf(change)),
        );
        const versions = events.map(({ version }) => version);
        assert.deepEqual(versions, [...new Set(versions)].sort());
        let missing = 0;
        for (const { change } of history) {
          const found = events.find(({ version }) => version === change.version);
          assert.ok(found);
          assert.equal(found.origin.actor, 'ada');
          assert.ok(projectEventSchema.safeParse({ ...found, changes: jsonOf(found.changes) }).success);
          for (const [field, value] of Object.entries(found.changes)) assert.deepEqual(value, change.changes[field]);
          missing += Object.keys(change.changes).length - Object.keys(found.changes).length;
        }
        assert.equal(omitted, missing);
      }),
    );
  });

  it('publishes a deletion that has expired, where values from before it have not', () => {
    const at = (seconds: number) => versionOf({ seconds, increment: 1 }, 0);
    const created = { type: 'ProjectCreated', version: at(1), changes: { name: 'a' } } as const;
    const deleted = { type: 'ProjectDeleted', version: at(2), changes: {} } as const;
    const again = { type: 'ProjectCreated', version: at(3), changes: {} } as const;
    const record = { ...nobody, desired: folded([created, deleted, again]), revision: 3, appliedRevision: 3 };
    const { events } = replayableHistory(record, [entryOf(created), entryOf(again)]);
    assert.deepEqual(
      events.map(({ type, version }) => [type, version]),
      [created, deleted, again].map(({ type, version }) => [type, version]),
    );
  });

  it('leaves out what MongoDB has refuted', () => {
    const [created, deleted] = [
      { type: 'ProjectCreated', version: versionOf({ seconds: 1, increment: 1 }, 0), changes: { name: 'a' } },
      { type: 'ProjectDeleted', version: versionOf({ seconds: 2, increment: 1 }, 0), changes: {} },
    ] as const;
    const version = versionOf({ seconds: 3, increment: 1 }, 0);
    const fact = { version, fields: { name: 'a' }, askedAt: 0, refutedUpTo: null, spared: [], refutedBefore: [] };
    const denied = { ...entryOf(deleted), outcome: 'contradicted', facts: [fact] } as const;
    const desired = folded([created, { type: 'ProjectUpdated', version, changes: { name: 'a' } }]);
    const record = { ...nobody, desired, revision: 1, appliedRevision: 1 };
    const { events } = replayableHistory(record, [entryOf(created), denied]);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['ProjectCreated', 'ProjectUpdated'],
    );
  });
});

const jsonOf = (changes: Readonly<Record<string, CopyValue>>) =>
  Object.fromEntries(Object.entries(changes).map(([field, value]) => [field, copyValueToJson(value)]));
