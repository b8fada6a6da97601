import assert from 'node:assert/strict';
import type { ChangeStreamDocument, ChangeStreamOptions, Collection, Document } from 'mongodb';
import { type Fixture, rejectsWithCode, startFixture, take, watch } from '../mongo.fixture.ts';

interface Keyed extends Document {
  _id: number;
}

const mebibyte = 1024 * 1024;
const split = [{ $changeStreamSplitLargeEvent: {} }];
const bothImages: ChangeStreamOptions = { fullDocument: 'required', fullDocumentBeforeChange: 'required' };

describe('MongoDB server: events over 16 MB', () => {
  let fixture: Fixture;
  let items: Collection<Keyed>;
  let start: unknown;

  /** An update of a document of 9 MB, with small events around it. */
  before(async () => {
    fixture = await startFixture();
    const db = fixture.client.db('app');
    await db.createCollection('items', { changeStreamPreAndPostImages: { enabled: true } });
    items = db.collection<Keyed>('items');
    const stream = watch(items);
    await stream.tryNext();
    start = stream.resumeToken;
    await stream.close();
    await items.insertOne({ _id: 1, n: 1, text: 'x'.repeat(9 * mebibyte) });
    await items.updateOne({ _id: 1 }, { $set: { n: 2 } });
    await items.insertOne({ _id: 2 });
  });
  after(() => fixture.close());

  const read = async (options: ChangeStreamOptions, count: number, pipeline: Document[] = split) => {
    const stream = watch(items, pipeline, { ...bothImages, ...options });
    const events = await take(stream, count);
    await stream.close();
    return events;
  };
  const fragmentsOf = (events: ChangeStreamDocument[]) => events.map(({ splitEvent }) => splitEvent);

  it('are an error without the stage', async () => {
    const stream = watch(items, [], { ...bothImages, resumeAfter: start, batchSize: 1 });
    await take(stream, 1);
    const error = await rejectsWithCode(stream.next(), 10334);
    assert.equal(error.codeName, 'BSONObjectTooLarge');
    await stream.close();
  });

  it('are no error where the pipeline makes them smaller', async () => {
    const [, update] = await read({ resumeAfter: start }, 2, [{ $project: { 'fullDocument.text': 0 } }]);
    assert.ok(update?.operationType === 'update');
    assert.deepEqual(update.fullDocument, { _id: 1, n: 2 });
  });

  it('come in fragments, small fields first, between events that are whole', async () => {
    const events = await read({ resumeAfter: start }, 4);
    assert.deepEqual(fragmentsOf(events), [undefined, { fragment: 1, of: 2 }, { fragment: 2, of: 2 }, undefined]);
    const [, first, second] = events.map((event): Document => event);
    assert.deepEqual(first?.documentKey, { _id: 1 });
    assert.deepEqual(first?.updateDescription.updatedFields, { n: 2 });
    // Both images are 9 MB, so that each fragment holds one.
    assert.equal(first?.fullDocument?.n, 2);
    assert.deepEqual(Object.keys(second ?? {}), ['_id', 'splitEvent', 'fullDocumentBeforeChange']);
    assert.equal(second?.fullDocumentBeforeChange.n, 1);
  });

  it('go on behind any fragment', async () => {
    const [inserted, first, second, last] = await read({ resumeAfter: start }, 4);
    const keys = (events: ChangeStreamDocument[]) => events.map((event) => event._id);
    assert.deepEqual(keys(await read({ resumeAfter: inserted?._id }, 3)), [first?._id, second?._id, last?._id]);
    assert.deepEqual(keys(await read({ resumeAfter: first?._id }, 2)), [second?._id, last?._id]);
    assert.deepEqual(keys(await read({ startAfter: first?._id }, 2)), [second?._id, last?._id]);
    assert.deepEqual(keys(await read({ resumeAfter: second?._id }, 1)), [last?._id]);
  });

  it('refuse to go on behind a fragment without the stage, or where the event is split in another way', async () => {
    const [, first] = await read({ resumeAfter: start }, 2);
    const resumed = { ...bothImages, resumeAfter: first?._id };
    const error = await rejectsWithCode(watch(items, [], resumed).next(), 280);
    assert.ok(error.hasErrorLabel('NonResumableChangeStreamError'));
    await rejectsWithCode(watch(items, split, { resumeAfter: first?._id }).next(), 280);
  });

  it('cannot be split by a stage that has options or is not the last', async () => {
    await rejectsWithCode(watch(items, [{ $changeStreamSplitLargeEvent: { max: 1 } }]).next(), 7182800);
    await rejectsWithCode(watch(items, [...split, { $match: {} }]).next(), 7182802);
  });
});
