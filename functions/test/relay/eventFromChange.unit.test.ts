import assert from 'node:assert/strict';
import { Binary, Double, Long, ObjectId, Timestamp, UUID } from 'mongodb';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { decodeEvent, encodeEvent } from '../../src/events/codec.ts';
import { versionOf } from '../../src/events/version.ts';
import { type ProjectChange, projectChangeSchema } from '../../src/relay/changeStream/streamedChange.ts';
import { completedEvent, eventFromChange } from '../../src/relay/eventFromChange.ts';

const { source } = defineConfig({
  source: { database: 'd', collection: 'p', fields: ['name', 'profile.title', 'tags'] },
  collections: [{ path: 'assets', projectId: 'projectId' }],
});
const id = new ObjectId('66f000000000000000000001');
const clusterTime = new Timestamp({ t: 1_700_000_000, i: 7 });
const wallTime = new Date('2026-11-22T12:00:00.123Z');
const version = versionOf({ seconds: 1_700_000_000, increment: 7 }, 2);

function change(fields: Record<string, unknown>): ProjectChange {
  const parsed = projectChangeSchema.parse({
    _id: { _data: 'aa' },
    clusterTime,
    wallTime,
    documentKey: { _id: id },
    ...fields,
  });
  assert.ok('documentKey' in parsed);
  return parsed;
}

function update(fields: Record<string, unknown>): ProjectChange {
  return change({ operationType: 'update', updated: [], ...fields });
}

const set = (values: Record<string, unknown>) => ({ updated: Object.entries(values).map(([k, v]) => ({ k, v })) });

const meaningOf = (one: ProjectChange) => eventFromChange(one, version, source);

function changesOf(one: ProjectChange) {
  const meaning = meaningOf(one);
  assert.equal(meaning.kind, 'event');
  return meaning.kind === 'event' ? meaning.event.changes : {};
}

describe('event from a change', () => {
  it('makes a creation with every configured field, null where there is none', () => {
    const meaning = meaningOf(
      change({ operationType: 'insert', fullDocument: { name: 'A', updatedBy: 'user-1', tags: ['x'] } }),
    );
    assert.deepEqual(meaning, {
      kind: 'event',
      event: {
        specversion: 1,
        id: `66f000000000000000000001:${version}`,
        type: 'ProjectCreated',
        projectId: '66f000000000000000000001',
        version,
        occurredAt: '2026-11-22T12:00:00.123Z',
        changes: { name: 'A', 'profile.title': null, tags: ['x'] },
        origin: { service: 'collaboration-service', actor: 'user-1', channel: 'change-stream' },
      },
    });
  });

  it('makes an update with every configured field of a replacement', () => {
    assert.deepEqual(changesOf(change({ operationType: 'replace', fullDocument: { profile: { title: 'T' } } })), {
      name: null,
      'profile.title': 'T',
      tags: null,
    });
  });

  it('copes with a document of which the projection left nothing', () => {
    assert.deepEqual(changesOf(change({ operationType: 'insert' })), { name: null, 'profile.title': null, tags: null });
  });

  it('makes a deletion without changes, with the actor of the pre-image', () => {
    const meaning = meaningOf(
      change({ operationType: 'delete', fullDocumentBeforeChange: { updatedBy: 'user-2' }, wallTime: undefined }),
    );
    assert.equal(meaning.kind, 'event');
    if (meaning.kind !== 'event') return;
    assert.equal(meaning.event.type, 'ProjectDeleted');
    assert.deepEqual(meaning.event.changes, {});
    assert.equal(meaning.event.origin.actor, 'user-2');
    assert.equal(meaning.event.occurredAt, '2023-11-14T22:13:20.000Z');
  });

  it('names an actor only if it is a text', () => {
    for (const actor of [undefined, 7, { name: 'x' }, null]) {
      const meaning = meaningOf(change({ operationType: 'insert', fullDocument: { updatedBy: actor } }));
      assert.ok(meaning.kind === 'event' && !('actor' in meaning.event.origin));
    }
    const meaning = meaningOf(update(set({ name: 'B', updatedBy: 'user-3' })));
    assert.ok(meaning.kind === 'event' && meaning.event.origin.actor === 'user-3');
  });

  it('tells only the touched fields of an update, and null for removed ones', () => {
    assert.deepEqual(changesOf(update(set({ name: 'B', other: 1 }))), { name: 'B' });
    assert.deepEqual(changesOf(update({ removed: ['tags'] })), { tags: null });
    assert.deepEqual(changesOf(update({ removed: ['profile'] })), { 'profile.title': null });
    assert.deepEqual(changesOf(update(set({ profile: { title: 'T', size: 1 } }))), { 'profile.title': 'T' });
    assert.deepEqual(changesOf(update(set({ profile: 'none' }))), { 'profile.title': null });
    assert.deepEqual(changesOf(update(set({ 'profile.title': 'U' }))), { 'profile.title': 'U' });
  });

  it('finds an update irrelevant that touches no configured field', () => {
    for (const one of [
      update(set({ other: 1 })),
      update({ removed: ['profile.size'] }),
      update({ truncated: ['x'] }),
    ]) {
      assert.deepEqual(meaningOf(one), { kind: 'irrelevant' });
    }
  });

  it('asks for the whole value of a field that changed in part, and keeps what is known', () => {
    for (const part of [set({ name: 'B', 'tags.0': 'y' }), { ...set({ name: 'B' }), truncated: ['tags'] }]) {
      const meaning = meaningOf(update(part));
      assert.equal(meaning.kind, 'incomplete');
      if (meaning.kind !== 'incomplete') return;
      assert.deepEqual(meaning.fields, ['tags']);
      assert.deepEqual(meaning.event.changes, { name: 'B' });
      const completed = completedEvent(meaning.event, meaning.fields, { _id: id, tags: ['y'], name: 'C' });
      assert.ok(completed.kind === 'event');
      assert.deepEqual(completed.event.changes, { name: 'B', tags: ['y'] });
      const gone = completedEvent(meaning.event, meaning.fields, null);
      assert.ok(gone.kind === 'event');
      assert.deepEqual(gone.event.changes, { name: 'B' });
    }
    const only = meaningOf(update({ removed: ['tags.0'] }));
    assert.ok(only.kind === 'incomplete');
    assert.deepEqual(completedEvent(only.event, only.fields, null), { kind: 'irrelevant' });
  });

  it('takes the value from a post-image where there is one, which is exact', () => {
    assert.deepEqual(changesOf(update({ ...set({ 'tags.0': 'y' }), fullDocument: { tags: ['y', 'z'] } })), {
      tags: ['y', 'z'],
    });
  });

  it('does not trust a path that can be read in two ways', () => {
    const meaning = meaningOf(
      update({ ...set({ 'profile.title': 'literal' }), disambiguated: { 'profile.title': ['profile.title'] } }),
    );
    assert.ok(meaning.kind === 'incomplete');
    assert.deepEqual(meaning.fields, ['profile.title']);
  });

  it('spells the id of every form', () => {
    const uuid = new UUID('6f9619ff-8b86-4011-b42d-00cf4fc964ff');
    for (const [given, expected] of [
      ['my-project', 'my-project'],
      [id, '66f000000000000000000001'],
      [new Binary(uuid.buffer, Binary.SUBTYPE_UUID), '6f9619ff-8b86-4011-b42d-00cf4fc964ff'],
      [17, '17'],
    ]) {
      const meaning = meaningOf(change({ operationType: 'delete', documentKey: { _id: given } }));
      assert.ok(meaning.kind === 'event' && meaning.event.projectId === expected);
    }
  });

  it('refuses ids that the contract refuses', () => {
    for (const given of [null, new Double(1.5), { a: 1 }, '', 'a/b', 'a\nb', 'x'.repeat(257)]) {
      const meaning = meaningOf(change({ operationType: 'insert', documentKey: { _id: given } }));
      assert.ok(meaning.kind === 'refused' && meaning.reason === 'project-id', String(given));
    }
  });

  it('refuses values that the contract refuses, and names the field', () => {
    let deep: unknown = 'x';
    for (let level = 0; level < 30; level += 1) deep = { deep };
    for (const bad of [[[1]], deep, new Date(Number.NaN), [new Date(Number.NaN)], { $date: 'never' }]) {
      const meaning = meaningOf(update(set({ tags: bad })));
      assert.ok(meaning.kind === 'refused' && meaning.reason === 'value');
      assert.match(meaning.error, /^tags: /);
    }
  });

  it('makes only events that the contract accepts', () => {
    const values = [
      'x',
      1.5,
      true,
      null,
      new Date(0),
      [1, { a: 'b' }],
      Long.fromString('9007199254740993'),
      Number.NaN,
      id,
    ];
    for (const value of values) {
      const meaning = meaningOf(update(set({ name: value })));
      assert.ok(meaning.kind === 'event');
      const decoded = decodeEvent(encodeEvent(meaning.event).data);
      assert.ok(decoded.ok);
      assert.deepEqual(decoded.event, meaning.event);
    }
  });
});
