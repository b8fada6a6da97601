// Attacks I3: the cases in which "the newest message wins" would be wrong.
import assert from 'node:assert/strict';
import type { CopyValue } from '../../src/events/copyValue.ts';
import { versionOf } from '../../src/events/version.ts';
import { type Desired, emptyProjectRecord } from '../../src/records/projectRecord.ts';
import { fold } from '../../src/sync/fold.ts';

const at = (seconds: number) => versionOf({ seconds, increment: 1 }, 0);
const created = (seconds: number, changes: Record<string, CopyValue>) =>
  ({ type: 'ProjectCreated', version: at(seconds), changes }) as const;
const updated = (seconds: number, changes: Record<string, CopyValue>) =>
  ({ type: 'ProjectUpdated', version: at(seconds), changes }) as const;
const deleted = (seconds: number) => ({ type: 'ProjectDeleted', version: at(seconds), changes: {} }) as const;

const desiredAfter = (...events: Parameters<typeof fold>[1][]): Desired =>
  events.reduce<Desired>((desired, event) => fold(desired, event).desired, emptyProjectRecord('p').desired);

describe('fold', () => {
  it('keeps both of two updates of different fields that arrive in the wrong order', () => {
    const desired = desiredAfter(
      created(1, { name: 'a', status: 'new' }),
      updated(3, { name: 'c' }),
      updated(2, { status: 'old' }),
    );
    assert.deepEqual(desired.fields.name, { value: 'c', version: at(3) });
    assert.deepEqual(desired.fields.status, { value: 'old', version: at(2) });
  });

  it('lets a late update of a deleted project change nothing', () => {
    const desired = desiredAfter(created(1, { name: 'a' }), deleted(3));
    const late = fold(desired, updated(2, { name: 'b' }));
    assert.equal(late.change, 'none');
    assert.equal(late.desired.kind, 'deleted');
  });

  it('revives a project that was created again, without values from before its deletion', () => {
    const desired = desiredAfter(created(1, { name: 'a' }), deleted(3), created(4, {}), updated(2, { name: 'b' }));
    assert.equal(desired.kind, 'live');
    assert.deepEqual(desired.fields, {});
  });

  it('takes an update newer than the deletion as a sign of life, even if the creation between them has not come yet', () => {
    assert.equal(desiredAfter(deleted(3), updated(5, { name: 'z' })).kind, 'live');
  });

  it('scans the assets again at a second deletion: the project may have lived in between', () => {
    assert.equal(fold(desiredAfter(deleted(3)), deleted(6)).change, 'effect');
  });

  it('scans the assets again when a known value has a newer version: it had another one in between', () => {
    const thereAndBack = fold(desiredAfter(created(1, { name: 'a' })), updated(3, { name: 'a' }));
    assert.equal(thereAndBack.change, 'effect');
    assert.equal(fold(thereAndBack.desired, updated(2, { name: 'b' })).change, 'none');
  });

  it('asks for no work when nothing that assets show is newer', () => {
    assert.equal(fold(desiredAfter(created(1, { name: 'a' })), updated(2, {})).change, 'versions');
  });
});
