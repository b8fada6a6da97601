import assert from 'node:assert/strict';
import { Double, Long, ObjectId, Timestamp } from 'mongodb';
import { partsOf } from '../../src/events/version.ts';
import type { ProjectDocument } from '../../src/source/connect.ts';
import { until } from '../support/until.ts';
import { fieldsConfig, type RelayFixture, startRelayFixture } from './fixtures/relay.fixture.ts';

// I1: every change that matters becomes an event; I3: with versions that tell the order.
describe('relay: from change to event', () => {
  let fixture: RelayFixture;

  beforeEach(async () => {
    fixture = await startRelayFixture();
    // Not every collection keeps them.
    await keepImages(false);
  });
  afterEach(() => fixture.close());

  const keepImages = (enabled: boolean) => {
    const { database, collection } = fixture.config.source;
    return fixture.client.db(database).command({ collMod: collection, changeStreamPreAndPostImages: { enabled } });
  };
  const project = (fields: Record<string, unknown>): ProjectDocument => ({ _id: new ObjectId(), ...fields });
  const published = (count: number) => until(() => fixture.events().length >= count);

  /** The stream starts with the newest operation, whatever it was: this makes it one that matters to nobody. */
  const elsewhere = () => fixture.client.db('other').collection('things').insertOne({ n: 1 });

  it('names a project by the digits of a whole _id, also where its value has to be looked up', async () => {
    await fixture.reading();
    const { projects } = fixture;
    const large = Long.fromString('9007199254740993');
    await projects.insertMany([{ _id: 42, tags: ['a'] }, { _id: large }, { _id: new Double(1.5) }, { _id: 7 }]);
    await projects.updateOne({ _id: 42 }, { $push: { tags: 'b' } } as object);
    await projects.deleteOne({ _id: large });
    await published(5);
    assert.deepEqual(
      fixture.events().map(({ projectId, type, changes }) => [projectId, type, changes.tags]),
      [
        ['42', 'ProjectCreated', ['a']],
        ['9007199254740993', 'ProjectCreated', null],
        ['7', 'ProjectCreated', null],
        ['42', 'ProjectUpdated', ['a', 'b']],
        ['9007199254740993', 'ProjectDeleted', undefined],
      ],
    );
    assert.equal(fixture.topics.deadLetters.messages[0]?.attributes.reason, 'project-id');
  });

  it('publishes creations, updates of configured fields, replacements and deletions, in order and with rising versions', async () => {
    const relay = await fixture.reading();
    const { projects } = fixture;
    const one = project({ name: 'A', updatedBy: 'user-1', size: 1 });
    await projects.insertOne(one);
    await projects.updateOne({ _id: one._id }, { $set: { name: 'B', updatedBy: 'user-2' } });
    await projects.updateOne({ _id: one._id }, { $set: { size: 2 } });
    await projects.updateOne({ _id: one._id }, { $unset: { name: '' } });
    await projects.replaceOne({ _id: one._id }, { name: 'C', profile: { title: 'T' } });
    await projects.deleteOne({ _id: one._id });
    await published(5);
    await relay.stop();
    const events = fixture.events();
    assert.deepEqual(
      events.map(({ type, changes, origin }) => ({ type, changes, actor: origin.actor })),
      [
        { type: 'ProjectCreated', changes: { name: 'A', 'profile.title': null, tags: null }, actor: 'user-1' },
        { type: 'ProjectUpdated', changes: { name: 'B' }, actor: 'user-2' },
        { type: 'ProjectUpdated', changes: { name: null }, actor: undefined },
        { type: 'ProjectUpdated', changes: { name: 'C', 'profile.title': 'T', tags: null }, actor: undefined },
        { type: 'ProjectDeleted', changes: {}, actor: undefined },
      ],
    );
    const versions = events.map(({ version }) => version);
    assert.deepEqual(versions, [...new Set(versions)].sort());
    assert.ok(
      events.every(({ id, projectId, version }) => projectId === String(one._id) && id === `${projectId}:${version}`),
    );
    assert.ok(events.every(({ occurredAt }) => Math.abs(Date.parse(occurredAt) - Date.now()) < 60_000));
  });

  it('gives the changes of a transaction one cluster time and ordinals in their order', async () => {
    await fixture.reading();
    const first = new ObjectId();
    const ids = [first, new ObjectId(), new ObjectId()];
    await fixture.client.withSession((session) =>
      session.withTransaction(async () => {
        for (const _id of ids) await fixture.projects.insertOne({ _id, name: 'A' }, { session });
        await fixture.projects.updateOne({ _id: first }, { $set: { name: 'B' } }, { session });
      }),
    );
    await fixture.projects.insertOne(project({ name: 'after' }));
    await published(5);
    const versions = fixture.events().map(({ version }) => partsOf(version));
    assert.deepEqual(
      versions.map(({ ordinal }) => ordinal),
      [0, 1, 2, 3, 0],
    );
    const times = versions.map(({ seconds, increment }) => `${seconds}.${increment}`);
    assert.equal(new Set(times.slice(0, 4)).size, 1);
    assert.notEqual(times[4], times[0]);
  });

  it('tells the whole value of a field that changed in part, wherever in it', async () => {
    const one = project({ name: 'A', tags: ['x', 'y', 'z'], profile: { title: 'T', size: 1 } });
    await fixture.projects.insertOne(one);
    await elsewhere();
    await fixture.reading();
    const { projects } = fixture;
    const filter = { _id: one._id };
    const steps: [() => Promise<unknown>, Record<string, unknown>][] = [
      [() => projects.updateOne(filter, { $set: { 'tags.1': 'b' } }), { tags: ['x', 'b', 'z'] }],
      [() => projects.updateOne(filter, { $push: { tags: 'w' } as never }), { tags: ['x', 'b', 'z', 'w'] }],
      [() => projects.updateOne(filter, [{ $set: { tags: { $slice: ['$tags', 2] } } }]), { tags: ['x', 'b'] }],
      [() => projects.updateOne(filter, { $set: { 'profile.title': 'U' } }), { 'profile.title': 'U' }],
      [() => projects.updateOne(filter, { $set: { profile: { title: 'V' } } }), { 'profile.title': 'V' }],
      [() => projects.updateOne(filter, { $unset: { profile: '' } }), { 'profile.title': null }],
    ];
    for (const [index, [change, expected]] of steps.entries()) {
      await change();
      await published(index + 1);
      assert.deepEqual(fixture.events().at(-1)?.changes, expected);
    }
  });

  it('tells of a field with a number in its path what a look at the project would tell, also where that is an index', async () => {
    await fixture.reading({ config: fieldsConfig(['slots.0']) });
    const [list, map] = [project({ slots: ['a', 'b'] }), project({ slots: { 0: 'a' } })];
    await fixture.projects.insertMany([list, map]);
    for (const { _id } of [list, map]) await fixture.projects.updateOne({ _id }, { $set: { 'slots.0': 'c' } });
    await published(4);
    const valuesOf = ({ _id }: ProjectDocument) =>
      fixture
        .events()
        .filter(({ projectId }) => projectId === String(_id))
        .map(({ changes }) => changes['slots.0']);
    assert.deepEqual(valuesOf(list), [null, null]);
    assert.deepEqual(valuesOf(map), ['a', 'c']);
  });

  it('tells of a partly changed project that is gone meanwhile only what the change itself says', async () => {
    const one = project({ name: 'A', tags: ['x'] });
    await fixture.projects.insertOne(one);
    await elsewhere();
    const relay = await fixture.reading();
    await relay.stop();
    await fixture.projects.updateOne({ _id: one._id }, { $set: { name: 'B', 'tags.0': 'y' } });
    await fixture.projects.updateOne({ _id: one._id }, { $set: { 'tags.0': 'z' } });
    await fixture.projects.deleteOne({ _id: one._id });
    await fixture.reading();
    await published(2);
    // The deletion need not wait for the look at the project; the versions tell the order.
    const events = fixture.events().sort((a, b) => (a.version < b.version ? -1 : 1));
    assert.deepEqual(
      events.map(({ type, changes }) => ({ type, changes })),
      [
        { type: 'ProjectUpdated', changes: { name: 'B' } },
        { type: 'ProjectDeleted', changes: {} },
      ],
    );
  });

  it('knows who deleted a project where the collection keeps pre-images', async () => {
    await keepImages(true);
    await fixture.reading();
    const one = project({ name: 'A', updatedBy: 'user-9', tags: ['x'] });
    await fixture.projects.insertOne(one);
    await fixture.projects.updateOne({ _id: one._id }, { $set: { 'tags.0': 'y' } });
    await fixture.projects.updateOne({ _id: one._id }, { $set: { 'tags.0': 'z' } });
    await fixture.projects.deleteOne({ _id: one._id });
    await published(4);
    const [, first, second, deletion] = fixture.events();
    assert.deepEqual(first?.changes, { tags: ['y'] });
    assert.deepEqual(second?.changes, { tags: ['z'] });
    assert.equal(second?.origin.actor, 'user-9');
    assert.equal(deletion?.origin.actor, 'user-9');
  });

  it('lets MongoDB drop what matters to no copy, and asks for no more of a document than events need', async () => {
    const seen: Record<string, unknown>[] = [];
    const { changePipeline } = await import('../../src/relay/changeStream/pipeline.ts');
    const stream = fixture.projects.watch(changePipeline(fixture.config.source), { maxAwaitTimeMS: 20 });
    await stream.tryNext();
    const one = project({ name: 'A', essay: 'x'.repeat(1_000), profile: { title: 'T', essay: 'y' } });
    await fixture.projects.insertOne(one);
    for (const field of ['essay', 'profile.essay', 'names', 'profiles.title']) {
      await fixture.projects.updateOne({ _id: one._id }, { $set: { [field]: 'z' } });
    }
    await fixture.projects.updateOne({ _id: one._id }, { $set: { name: 'B', essay: 'w' } });
    await until(async () => {
      const change = await stream.tryNext();
      if (change !== null) seen.push({ ...change });
      return seen.length === 2;
    });
    await stream.close();
    assert.deepEqual(seen[0]?.fullDocument, { name: 'A', profile: { title: 'T' } });
    assert.deepEqual(seen[1]?.updated, [{ k: 'name', v: 'B' }]);
    assert.ok(seen.every(({ clusterTime, ns }) => clusterTime instanceof Timestamp && ns === undefined));
  });

  it('publishes only creations and deletions where no field is configured', async () => {
    await fixture.reading({ config: fieldsConfig([]) });
    const one = project({ name: 'A' });
    await fixture.projects.insertOne(one);
    await fixture.projects.updateOne({ _id: one._id }, { $set: { name: 'B' } });
    await fixture.projects.replaceOne({ _id: one._id }, { name: 'C' });
    await fixture.projects.deleteOne({ _id: one._id });
    await published(2);
    assert.deepEqual(
      fixture.events().map(({ type }) => type),
      ['ProjectCreated', 'ProjectDeleted'],
    );
  });

  it('dead-letters a change that the contract refuses, and goes on', async () => {
    const relay = await fixture.reading();
    await fixture.projects.insertOne({ _id: 'no/slashes', name: 'A' });
    const refused = project({ name: 'A', tags: [[1]] });
    await fixture.projects.insertOne(refused);
    const fine = project({ name: 'fine' });
    await fixture.projects.insertOne(fine);
    await until(() => fixture.topics.deadLetters.messages.length === 2 && fixture.events().length === 1);
    const outcome = await relay.stop();
    assert.deepEqual([outcome.published, outcome.deadLettered, outcome.unpublished], [1, 2, 0]);
    const [first, second] = fixture.topics.deadLetters.messages;
    assert.equal(first?.attributes.reason, 'project-id');
    assert.equal(first?.attributes.source, 'relay');
    assert.match(first?.attributes.error ?? '', /"\/"/);
    assert.match(first?.data.toString() ?? '', /no\/slashes/);
    assert.equal(second?.attributes.reason, 'value');
    assert.match(second?.attributes.error ?? '', /^tags: /);
    // Its other fields go on.
    const asked = fixture.topics.reconciliationRequests.messages.map(({ data }) => JSON.parse(String(data)));
    assert.deepEqual(asked.at(-1)?.projectIds, [String(refused._id)]);
    assert.equal(fixture.events()[0]?.projectId, String(fine._id));
    // The checkpoint has passed them: they are not read again.
    const again = await fixture.reading();
    await again.stop();
    assert.equal(fixture.topics.deadLetters.messages.length, 2);
  });

  it('dead-letters an event that nobody could read for its size, or that Pub/Sub will never take', async () => {
    fixture.topics.events.accepts = (message) => !message.data.includes('refuse me');
    const relay = await fixture.reading();
    const large = project({ name: 'x'.repeat(500_000), tags: ['x'.repeat(500_000)] });
    await fixture.projects.insertOne(large);
    const refused = project({ name: 'refuse me' });
    await fixture.projects.insertOne(refused);
    await fixture.projects.insertOne(project({ name: 'fine' }));
    await until(() => fixture.topics.deadLetters.messages.length === 2 && fixture.events().length === 1);
    const reasons = fixture.topics.deadLetters.messages.map(({ attributes }) => attributes.reason).sort();
    assert.deepEqual(reasons, ['refused-by-pubsub', 'too-large']);
    // No redrive makes an event of either: a reconciliation brings the projects in step.
    const asked = fixture.topics.reconciliationRequests.messages.map(({ data }) => JSON.parse(String(data)));
    const named = asked.flatMap(({ projectIds = [] }) => projectIds);
    assert.deepEqual(named.sort(), [String(large._id), String(refused._id)].sort());
    assert.equal((await relay.stop()).unpublished, 0);
  });
});
