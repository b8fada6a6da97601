// The functions that Pub/Sub calls with events, through `firebase-functions-test`: what goes in, what comes out, and
// what is raised to be redelivered.
import assert from 'node:assert/strict';
import { failureId, failureRef } from '../../src/deadLetters/failure.ts';
import { continuationAttribute, type EncodedMessage, encodeEvent } from '../../src/events/codec.ts';
import { AttemptFailedError } from '../../src/sync/errors.ts';
import { recordDeadLetterFunction } from '../../src/triggers/recordDeadLetter.ts';
import { syncDeletionsFunction, syncProjectFunction } from '../../src/triggers/syncProject.ts';
import { event } from '../sync/worker.fixture.ts';
import { type ServicesFixture, startFunctionsTest, startServices } from './services.fixture.ts';

/** The call of Cloud Functions for a message. */
function call({ data, attributes }: EncodedMessage) {
  return { data: { message: { data: data.toString('base64'), attributes } } };
}

describe('functions of project events', () => {
  let fixture: ServicesFixture;
  let offline: ReturnType<typeof startFunctionsTest>;
  beforeEach(async () => {
    offline = startFunctionsTest();
    fixture = await startServices();
  });
  afterEach(async () => {
    offline.cleanup();
    await fixture.close();
  });

  /** Fails every call of a method for good: no retry helps. */
  function refuse(method: string, times = 1): void {
    fixture.firestoreServer.faults.inject(method, { error: { code: 'PERMISSION_DENIED' } }, times);
  }

  // Either takes every event.
  for (const [name, functionOf] of Object.entries({ syncProjectFunction, syncDeletionsFunction })) {
    describe(name, () => {
      const apply = () => offline.wrap(functionOf(fixture.services));

      it('is asked for again when it fails, and listens to a topic', () => {
        const { __endpoint: endpoint } = functionOf(fixture.services);
        assert.equal(endpoint.eventTrigger?.retry, true);
        assert.equal(endpoint.eventTrigger?.eventType, 'google.cloud.pubsub.topic.v1.messagePublished');
      });

      it('applies the event in the message, with its attributes', async () => {
        await fixture.firestore.doc('media/a').set({ projectId: 'p1', projectName: 'old' });
        const message = encodeEvent(event('ProjectUpdated', 'p1', { name: 'Ünï "q" 🎬' }));
        await apply()(call({ ...message, attributes: { ...message.attributes, [continuationAttribute]: 'true' } }));
        assert.equal((await fixture.firestore.doc('media/a').get()).get('projectName'), 'Ünï "q" 🎬');
        const [line] = fixture.log.lines;
        assert.deepEqual([line?.fields.outcome, line?.fields.continuation], ['applied', true]);
      });

      it('asks MongoDB before it deletes', async () => {
        await fixture.firestore.doc('media/a').set({ projectId: 'p1', projectName: 'old' });
        await fixture.source.projects.insertOne({ _id: 'p1', name: 'lives' });
        await apply()(call(encodeEvent(event('ProjectDeleted', 'p1'))));
        assert.equal((await fixture.firestore.doc('media/a').get()).get('projectName'), 'lives');
      });

      it('dead-letters what cannot be read: the bytes and the attributes as they came, and why; nothing is raised', async () => {
        const bytes = Buffer.from([0xff, 0x00, 0x7b]);
        await apply()(call({ data: bytes, attributes: { origin: 'elsewhere' } }));
        const [letter, ...more] = fixture.topic('project-events-dead-letter').messages;
        assert.ok(letter && more.length === 0);
        assert.deepEqual(letter.data, bytes);
        assert.equal(letter.attributes.origin, 'elsewhere');
        assert.equal(letter.attributes.reason, 'unreadable');
      });

      it('raises what has to be delivered again', async () => {
        refuse('Commit', 2);
        const message = call(encodeEvent(event('ProjectUpdated', 'p1', { name: 'x' })));
        await assert.rejects(apply()(message), /PERMISSION_DENIED/);
        fixture.firestoreServer.faults.clear();
        await fixture.firestore.doc('media/a').set({ projectId: 'p1', projectName: 'old' });
        // The page fails, after the claim: the attempt is counted and its lease given back.
        refuse('RunQuery');
        await assert.rejects(apply()(message), AttemptFailedError);
        await apply()(message);
        assert.equal((await fixture.firestore.doc('media/a').get()).get('projectName'), 'x');
      });

      it('raises when the dead letter topic does not take what it cannot read', async () => {
        fixture.topic('project-events-dead-letter').failures.push(new Error('Pub/Sub is unavailable'));
        await assert.rejects(
          apply()(call({ data: Buffer.from('not json'), attributes: {} })),
          /Pub\/Sub is unavailable/,
        );
      });
    });
  }

  describe('recordDeadLetter', () => {
    const recordDeadLetter = () => offline.wrap(recordDeadLetterFunction(fixture.services));
    const letter: EncodedMessage = {
      ...encodeEvent(event('ProjectDeleted', 'p1')),
      attributes: { reason: 'attempts', error: 'MongoDB is unavailable', attempts: '10', own: 'kept' },
    };

    it('keeps the message and its error, and raises the alarm', async () => {
      await recordDeadLetter()(call(letter));
      const kept = await failureRef(fixture.firestore, failureId(letter)).get();
      assert.deepEqual(kept.get('payload'), letter.data);
      assert.ok(
        kept
          .get('attributes')
          .some(({ name, value }: { name: string; value: string }) => name === 'own' && value === 'kept'),
      );
      assert.equal(kept.get('error'), 'MongoDB is unavailable');
      assert.equal(kept.get('status'), 'dead');
      assert.equal(fixture.log.lines[0]?.fields.alarm, 'dead-letter');
    });

    it('raises what Firestore answered, so that the message is redelivered: nothing stands behind it', async () => {
      const { __endpoint: endpoint } = recordDeadLetterFunction(fixture.services);
      assert.equal(endpoint.eventTrigger?.retry, true);
      refuse('Commit');
      await assert.rejects(recordDeadLetter()(call(letter)), /PERMISSION_DENIED/);
      assert.deepEqual(fixture.log.lines, []);
      await recordDeadLetter()(call(letter));
      assert.equal((await failureRef(fixture.firestore, failureId(letter)).get()).get('times'), 1);
    });
  });
});
