import assert from 'node:assert/strict';
import { onDocumentCreated, onDocumentWritten, onDocumentWrittenWithAuthContext } from 'firebase-functions/firestore';
import { onMessagePublished } from 'firebase-functions/pubsub';
import { onSchedule } from 'firebase-functions/scheduler';
import { type DescribedFunction, describeEndpoint } from '../../../local/runtime/child/endpoint.ts';
import { resolveValue } from '../../../local/runtime/child/params.ts';

const describeFunction = (made: { readonly __endpoint: object }): DescribedFunction =>
  describeEndpoint('name', { ...made.__endpoint });

describe('the description of a function', () => {
  it("has the platform's defaults where the function says nothing", () => {
    assert.deepEqual(describeFunction(onMessagePublished('events', () => {})), {
      kind: 'supported',
      spec: {
        name: 'name',
        trigger: { kind: 'pubsub', topic: 'events', retry: false },
        timeoutSeconds: 60,
        memoryMiB: 256,
        concurrency: 80,
        secrets: [],
      },
    });
  });

  it('has what the function says', () => {
    const made = onSchedule(
      {
        schedule: 'every 5 minutes',
        timeZone: 'Europe/Berlin',
        retryCount: 3,
        minBackoffSeconds: 1,
        maxBackoffSeconds: 60,
        maxDoublings: 2,
        maxRetrySeconds: 90,
        timeoutSeconds: 540,
        memory: '512MiB',
        concurrency: 1,
        maxInstances: 2,
        secrets: ['TOKEN'],
      },
      () => {},
    );
    assert.deepEqual(describeFunction(made), {
      kind: 'supported',
      spec: {
        name: 'name',
        trigger: {
          kind: 'schedule',
          schedule: 'every 5 minutes',
          timeZone: 'Europe/Berlin',
          retry: { count: 3, minBackoffSeconds: 1, maxBackoffSeconds: 60, maxDoublings: 2, maxRetrySeconds: 90 },
        },
        timeoutSeconds: 540,
        memoryMiB: 512,
        concurrency: 1,
        maxInstances: 2,
        secrets: ['TOKEN'],
      },
    });
  });

  it('has the path and the database of a Firestore trigger, and refuses a kind of event that is not offered', () => {
    const made = onDocumentWritten({ document: 'boards/{id}', database: 'other', retry: true }, () => {});
    const described = describeFunction(made);
    assert.deepEqual(described.kind === 'supported' && described.spec.trigger, {
      kind: 'firestore',
      event: 'written',
      database: 'other',
      document: 'boards/{id}',
      retry: true,
    });
    const plain = describeFunction(onDocumentCreated('boards/one', () => {}));
    assert.deepEqual(plain.kind === 'supported' && plain.spec.trigger, {
      kind: 'firestore',
      event: 'created',
      database: '(default)',
      document: 'boards/one',
      retry: false,
    });
    assert.deepEqual(describeFunction(onDocumentWrittenWithAuthContext('boards/{id}', () => {})), {
      kind: 'unsupported',
      name: 'name',
      trigger: 'event google.cloud.firestore.document.v1.written.withAuthContext',
    });
  });

  it('is refused with more retries than Cloud Scheduler allows', () => {
    const made = onSchedule({ schedule: 'every 5 minutes', retryCount: 6 }, () => {});
    assert.throws(() => describeFunction(made), /retryCount is 6; Cloud Scheduler allows at most 5/);
  });

  it('serves one request at a time on part of a CPU', () => {
    const concurrency = (cpu: number | 'gcf_gen1') => {
      const described = describeFunction(onMessagePublished({ topic: 'events', cpu }, () => {}));
      return described.kind === 'supported' && described.spec.concurrency;
    };
    assert.deepEqual([concurrency(1), concurrency(0.5), concurrency('gcf_gen1')], [80, 1, 1]);
  });

  it('leaves out what is not to be deployed, and first generation functions', () => {
    assert.deepEqual(describeEndpoint('name', { platform: 'gcfv2', omit: true }), { kind: 'omitted' });
    assert.deepEqual(describeEndpoint('name', { platform: 'gcfv1', eventTrigger: {} }), {
      kind: 'unsupported',
      name: 'name',
      trigger: 'platform gcfv1',
    });
  });
});

describe('parameters written out in a text', () => {
  before(() => {
    process.env.LOCKSTEP_TEST_PARAM = 'every 3 minutes';
  });
  after(() => {
    delete process.env.LOCKSTEP_TEST_PARAM;
  });

  it('are filled in', () => {
    assert.equal(resolveValue('{{ params.LOCKSTEP_TEST_PARAM }}'), 'every 3 minutes');
    assert.deepEqual(resolveValue({ a: ['<{{params.LOCKSTEP_TEST_PARAM}}>', 1, null] }), {
      a: ['<every 3 minutes>', 1, undefined],
    });
  });

  it('are refused when they have no value or are more than a reference', () => {
    assert.throws(() => resolveValue('{{ params.LOCKSTEP_TEST_ABSENT }}'), /cannot be resolved/);
    assert.throws(() => resolveValue('{{ params.A == "x" ? "b" : "c" }}'), /cannot be resolved/);
  });
});
