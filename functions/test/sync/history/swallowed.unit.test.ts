// A false claim outranks true news until a repair drops it: that news must not have been acknowledged meanwhile.
import assert from 'node:assert/strict';
import { eventId, type ProjectEvent } from '../../../src/events/contract.ts';
import { versionOf } from '../../../src/events/version.ts';
import { emptyProjectRecord, type ProjectRecord } from '../../../src/records/projectRecord.ts';
import { defaultSyncLimits } from '../../../src/sync/limits.ts';
import { claimed, claimedForRepair, completed } from '../../../src/sync/transitions.ts';

const now = 1_700_000_000_000;
const terms = { now, limits: defaultSyncLimits };
const versionAt = (at: number) => versionOf({ seconds: 1_700_000_000 + at, increment: 1 }, 0);

function renamed(at: number, name: string): ProjectEvent {
  const version = versionAt(at);
  return {
    specversion: 1,
    id: eventId('p', version),
    type: 'ProjectUpdated',
    projectId: 'p',
    version,
    occurredAt: new Date(now).toISOString(),
    changes: { name },
    origin: { service: 's', channel: 'test' },
  };
}

/** A record in step with what nobody wrote. */
const withFalseClaim: ProjectRecord = {
  ...emptyProjectRecord('p'),
  desired: {
    kind: 'live',
    version: versionAt(3),
    deletedVersion: null,
    fields: { name: { value: 'invented', version: versionAt(3) } },
  },
  revision: 1,
  appliedRevision: 1,
};

const claim = (record: ProjectRecord, event: ProjectEvent) =>
  claimed(record, { ...terms, event, holder: event.id, fields: ['name'] });

describe('news that a false claim outranks', () => {
  it('is refused while a repair asks MongoDB, and is news once the claim is dropped', () => {
    const repair = renamed(1, 'old');
    const leased = claimedForRepair(withFalseClaim, { ...terms, event: repair, holder: 'repair' });
    assert.ok(leased.record && leased.outcome.kind === 'claimed');
    const meanwhile = renamed(2, 'true');
    assert.equal(claim(leased.record, meanwhile).outcome.kind, 'busy');
    assert.equal(claim(leased.record, renamed(3, 'invented')).outcome.kind, 'duplicate', 'what is shown is known');

    const fact = { version: versionAt(1), fields: { name: 'old' }, askedAt: now };
    const work = {
      event: repair,
      lease: leased.outcome.lease,
      startedAt: now,
      repair: { seen: withFalseClaim.desired, fact, mayDelete: false },
    };
    const { record } = completed(leased.record, work, leased.record, { processed: 1, scanned: 1 }, terms);
    assert.equal(record?.desired.fields.name?.value, 'old');
    const again = claim(record, meanwhile);
    assert.equal(again.outcome.kind, 'claimed');
    assert.equal(again.record?.desired.fields.name?.value, 'true');
  });

  it('is a duplicate where nobody works on the project', () => {
    assert.equal(claim(withFalseClaim, renamed(2, 'late')).outcome.kind, 'duplicate');
  });
});
