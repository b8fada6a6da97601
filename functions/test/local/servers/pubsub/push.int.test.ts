import assert from 'node:assert/strict';
import type { Topic } from '@google-cloud/pubsub';
import { settled, until } from '../../../support/until.ts';
import { type PubSubFixture, startFixture } from './fixture.ts';
import { type PushEndpoint, type PushRequest, startPushEndpoint } from './pushEndpoint.ts';

const secondMs = 1000;

describe('pubsub server: push', () => {
  let fixture: PubSubFixture;
  let endpoint: PushEndpoint;
  let handle: (request: PushRequest) => void;
  beforeEach(async () => {
    fixture = await startFixture();
    handle = (request) => request.answer(204);
    endpoint = await startPushEndpoint((request) => handle(request));
  });
  afterEach(async () => {
    await fixture.close();
    await endpoint.close();
  });

  const publish = (topic: Topic, text: string, orderingKey?: string) =>
    topic.publishMessage({ data: Buffer.from(text), ...(orderingKey === undefined ? {} : { orderingKey }) });
  const stats = () => fixture.server.stats()['projects/test-project/subscriptions/events-sub'];
  const subscribe = (options: Parameters<Topic['createSubscription']>[1] = {}) =>
    fixture.topicAndSubscription({ ...options, pushConfig: { pushEndpoint: endpoint.url } });

  it('posts the envelope of the service, and a 2xx acknowledges', async () => {
    const [topic, subscription] = await subscribe();
    const id = await topic.publishMessage({ data: Buffer.from('hello'), attributes: { type: 'x' } });
    await fixture.server.idle();
    const [request] = endpoint.requests;
    assert.deepEqual(request?.body, {
      message: {
        attributes: { type: 'x' },
        data: Buffer.from('hello').toString('base64'),
        messageId: id,
        message_id: id,
        publishTime: '2026-01-01T00:00:00.000Z',
        publish_time: '2026-01-01T00:00:00.000Z',
      },
      subscription: subscription.name,
    });
    assert.equal(request?.headers['content-type'], 'application/json');
    assert.equal(stats()?.acked, 1);
  });

  it('carries the claims of an OIDC token, without a signature', async () => {
    const oidcToken = { serviceAccountEmail: 'pusher@test-project.iam.gserviceaccount.com', audience: 'lockstep' };
    const [topic, subscription] = await fixture.topicAndSubscription({
      pushConfig: { pushEndpoint: endpoint.url, oidcToken },
    });
    await publish(topic, 'one');
    await fixture.server.idle();
    const claimsOf = (request: PushRequest | undefined) => {
      const [, header = '', claims = '', signature] =
        /^Bearer (.*)\.(.*)\.(.*)$/.exec(String(request?.headers.authorization)) ?? [];
      assert.equal(signature, '');
      assert.deepEqual(JSON.parse(Buffer.from(header, 'base64url').toString()), { alg: 'none', typ: 'JWT' });
      return JSON.parse(Buffer.from(claims, 'base64url').toString());
    };
    const now = Date.UTC(2026, 0, 1) / secondMs;
    assert.deepEqual(claimsOf(endpoint.requests[0]), {
      iss: 'https://accounts.google.com',
      aud: 'lockstep',
      azp: oidcToken.serviceAccountEmail,
      sub: oidcToken.serviceAccountEmail,
      email: oidcToken.serviceAccountEmail,
      email_verified: true,
      iat: now,
      exp: now + 3600,
    });
    await subscription.modifyPushConfig({
      pushEndpoint: endpoint.url,
      oidcToken: { serviceAccountEmail: oidcToken.serviceAccountEmail },
    });
    await publish(topic, 'two');
    await fixture.server.idle();
    assert.equal(claimsOf(endpoint.requests[1]).aud, endpoint.url);
    await subscription.modifyPushConfig({ pushEndpoint: endpoint.url });
    await publish(topic, 'three');
    await fixture.server.idle();
    assert.equal(endpoint.requests[2]?.headers.authorization, undefined);
  });

  for (const status of [200, 201, 202, 204]) {
    it(`takes ${status} as an acknowledgement`, async () => {
      handle = (request) => request.answer(status);
      const [topic] = await subscribe();
      await publish(topic, 'one');
      await fixture.server.idle();
      assert.equal(endpoint.requests.length, 1);
    });
  }

  it('takes 102 as an acknowledgement', async () => {
    handle = (request) => request.response.writeProcessing();
    const [topic] = await subscribe();
    await publish(topic, 'one');
    await fixture.server.idle();
    assert.equal(stats()?.acked, 1);
  });

  for (const status of [203, 301, 400, 429, 500, 503]) {
    it(`takes ${status} as a nack`, async () => {
      handle = (request) => request.answer(endpoint.requests.length === 1 ? status : 204);
      const [topic] = await subscribe();
      await publish(topic, 'one');
      await until(() => stats()?.nacked === 1);
      fixture.clock.advance(secondMs);
      await fixture.server.idle();
      assert.equal(endpoint.requests.length, 2);
    });
  }

  it('backs off by the retry policy, and counts attempts under a dead-letter policy', async () => {
    const [dead] = await fixture.pubsub.createTopic('dead-letters');
    handle = (request) => request.answer(endpoint.requests.length < 3 ? 500 : 204);
    const [topic] = await subscribe({
      retryPolicy: { minimumBackoff: { seconds: 10 }, maximumBackoff: { seconds: 600 } },
      deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 5 },
    });
    await publish(topic, 'one');
    await until(() => stats()?.nacked === 1);
    fixture.clock.advance(10 * secondMs - 1);
    await settled();
    assert.equal(fixture.server.backlog('events-sub'), 1);
    assert.equal(stats()?.delivered, 1);
    fixture.clock.advance(1);
    await until(() => stats()?.nacked === 2);
    fixture.clock.advance(20 * secondMs);
    await fixture.server.idle();
    assert.deepEqual(
      endpoint.requests.map(({ body }) => body.deliveryAttempt),
      [1, 2, 3],
    );
  });

  it('rests the whole endpoint without a retry policy: 100 ms, then twice as long every time', async () => {
    handle = (request) => request.answer(500);
    const [topic] = await subscribe();
    await publish(topic, 'one');
    for (const [failures, pause] of [
      [1, 100],
      [2, 200],
      [3, 400],
    ] as const) {
      await until(() => stats()?.nacked === failures);
      fixture.clock.advance(pause - 1);
      await settled();
      assert.equal(stats()?.delivered, failures);
      fixture.clock.advance(1);
    }
    await until(() => stats()?.nacked === 4);
  });

  it('forwards to the dead-letter topic when the endpoint keeps refusing', async () => {
    const [dead] = await fixture.pubsub.createTopic('dead-letters');
    const [deadSubscription] = await dead.createSubscription('dead-letters-sub');
    handle = (request) => request.answer(500);
    const [topic] = await subscribe({ deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 5 } });
    await publish(topic, 'poison');
    for (let failures = 1; failures <= 5; failures += 1) {
      await until(() => stats()?.nacked === failures);
      fixture.clock.advance(60 * secondMs);
    }
    assert.equal((await fixture.pullNow(deadSubscription))[0]?.text, 'poison');
  });

  it('gives up a request at the ack deadline, and sends the message again', async () => {
    handle = (request) => {
      if (endpoint.requests.length > 1) request.answer(204);
    };
    const [topic] = await subscribe({ ackDeadlineSeconds: 20 });
    await publish(topic, 'one');
    await until(() => endpoint.requests.length === 1);
    fixture.clock.advance(20 * secondMs);
    await until(() => endpoint.requests[0]?.aborted() === true);
    fixture.clock.advance(secondMs);
    await fixture.server.idle();
    assert.equal(stats()?.expired, 1);
    assert.equal(endpoint.requests.length, 2);
  });

  it('nacks when nobody listens, and delivers when somebody does', async () => {
    const { url } = endpoint;
    const [topic, subscription] = await fixture.topicAndSubscription({
      pushConfig: { pushEndpoint: 'http://127.0.0.1:1/' },
    });
    await publish(topic, 'one');
    await until(() => (stats()?.nacked ?? 0) > 0);
    await subscription.modifyPushConfig({ pushEndpoint: url });
    await fixture.server.idle();
    assert.equal(endpoint.requests[0]?.text, 'one');
  });

  it('turns into a pull subscription when its endpoint is removed', async () => {
    handle = (request) => request.answer(500);
    const [topic, subscription] = await subscribe();
    await subscription.modifyPushConfig({});
    await publish(topic, 'one');
    assert.equal((await fixture.pullNow(subscription))[0]?.text, 'one');
    assert.equal(endpoint.requests.length, 0);
  });

  it('starts slowly, and re-uses its connections', async () => {
    const waiting: PushRequest[] = [];
    handle = (request) => {
      waiting.push(request);
    };
    const [topic] = await subscribe();
    const messages = Array.from({ length: 40 }, (_none, index) => ({ data: Buffer.from(String(index)) }));
    await fixture.publisher.publish({ topic: topic.name, messages });
    await until(() => waiting.length === 4);
    assert.equal(stats()?.delivered, 4, 'no more than four before the first answer');
    for (const request of waiting.splice(0)) request.answer(204);
    await until(() => waiting.length === 8);
    assert.equal(stats()?.delivered, 12, 'four succeeded: four more at a time');
    handle = (request) => request.answer(204);
    for (const request of waiting.splice(0)) request.answer(204);
    await fixture.server.idle();
    const connections = new Set(endpoint.requests.map(({ socketPort }) => socketPort));
    assert.ok(connections.size < 40, `${connections.size} connections for 40 messages`);
  });

  it('sends one message of an ordering key at a time', async () => {
    const waiting: PushRequest[] = [];
    handle = (request) => {
      waiting.push(request);
    };
    const [topic] = await subscribe({ enableMessageOrdering: true });
    const messages = ['a1', 'a2', 'a3'].map((text) => ({ data: Buffer.from(text), orderingKey: 'a' }));
    await fixture.publisher.publish({ topic: topic.name, messages: [...messages, { data: Buffer.from('other') }] });
    await until(() => waiting.length === 2);
    assert.deepEqual(waiting.map(({ text }) => text).sort(), ['a1', 'other']);
    handle = (request) => request.answer(204);
    for (const request of waiting.splice(0)) request.answer(204);
    await fixture.server.idle();
    assert.deepEqual(
      endpoint.requests.filter(({ body }) => body.message.orderingKey === 'a').map(({ text }) => text),
      ['a1', 'a2', 'a3'],
    );
  });

  it('meets injected faults: an answer that is lost means a second delivery', async () => {
    fixture.server.faults.inject('Push', { drop: true, afterEffect: true });
    const [topic] = await subscribe();
    await publish(topic, 'one');
    await until(() => stats()?.nacked === 1);
    fixture.clock.advance(secondMs);
    await fixture.server.idle();
    assert.deepEqual(
      endpoint.requests.map(({ text }) => text),
      ['one', 'one'],
    );
  });
});
