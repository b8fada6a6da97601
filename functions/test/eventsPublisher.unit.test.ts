// The topic of an event: attacks "no backlog of other events is in front of a deletion".
import assert from 'node:assert/strict';
import { encodeEvent } from '../src/events/codec.ts';
import { eventTypes } from '../src/events/contract.ts';
import { createEventsPublisher } from '../src/eventsPublisher.ts';
import { fakeTopic } from './support/topic.ts';
import { event } from './sync/worker.fixture.ts';

describe('publisher of events', () => {
  it('publishes deletions to their topic, and every other event to the other', async () => {
    const topics = { events: fakeTopic(), deletions: fakeTopic() };
    const publisher = createEventsPublisher(topics);
    for (const type of eventTypes) await publisher.publish(encodeEvent(event(type, 'p1')));
    const typesOn = (topic: keyof typeof topics) => topics[topic].messages.map(({ attributes }) => attributes.type);
    assert.deepEqual(typesOn('deletions'), ['ProjectDeleted']);
    assert.deepEqual(typesOn('events'), ['ProjectCreated', 'ProjectUpdated']);
  });

  it('publishes what names no type to the topic of events', async () => {
    const topics = { events: fakeTopic(), deletions: fakeTopic() };
    await createEventsPublisher(topics).publish({ data: Buffer.from('unreadable'), attributes: {} });
    assert.deepEqual([topics.events.messages.length, topics.deletions.messages.length], [1, 0]);
  });

  it('fails where the topic of the event fails, and only there', async () => {
    const topics = { events: fakeTopic(), deletions: fakeTopic() };
    const publisher = createEventsPublisher(topics);
    topics.deletions.fail(new Error('NOT_FOUND'));
    await assert.rejects(publisher.publish(encodeEvent(event('ProjectDeleted', 'p1'))), /NOT_FOUND/);
    await publisher.publish(encodeEvent(event('ProjectUpdated', 'p2')));
    assert.equal(topics.events.messages.length, 1);
  });
});
