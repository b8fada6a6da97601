// The functions that the provisioning knows, held against what the bundle exports: attacks "every function has its own
// account and trigger".
import assert from 'node:assert/strict';
import { z } from 'zod';
import { functionIdentities, type Topics } from '../../deploy/identities.ts';
import * as params from '../../src/config/params.ts';
import * as bundle from '../../src/index.ts';

/** What firebase-functions attaches to every function for its deployment. */
const endpointSchema = z.looseObject({
  serviceAccountEmail: z.string(),
  eventTrigger: z.looseObject({ eventFilters: z.looseObject({ topic: z.unknown() }) }).optional(),
  scheduleTrigger: z.looseObject({}).optional(),
  httpsTrigger: z.looseObject({}).optional(),
  secretEnvironmentVariables: z.array(z.looseObject({ key: z.string() })).optional(),
});

const exported = Object.entries(bundle).map(([name, value]) => ({
  name,
  endpoint: endpointSchema.parse('__endpoint' in value ? value.__endpoint : undefined),
}));

const topics: Readonly<Record<keyof Topics, unknown>> = {
  events: params.eventsTopic.expression,
  deadLetters: params.deadLetterTopic.expression,
  requests: params.requestsTopic.expression,
  alerts: params.alertsTopic.expression,
  converged: params.convergedTopic.expression,
};

describe('functions that the provisioning knows', () => {
  it('are those that the bundle exports', () => {
    assert.deepEqual(functionIdentities.map(({ name }) => name).sort(), exported.map(({ name }) => name).sort());
  });

  for (const { name, account, subscribesTo, isCalled = false, mongodb } of functionIdentities) {
    it(`${name}: the same account, trigger and secret`, () => {
      const endpoint = exported.find((candidate) => candidate.name === name)?.endpoint;
      assert.ok(endpoint);
      assert.equal(endpoint.serviceAccountEmail, `${account}@`);
      const topic = endpoint.eventTrigger?.eventFilters.topic;
      assert.equal(topic, subscribesTo === null ? undefined : topics[subscribesTo]);
      assert.equal(endpoint.scheduleTrigger === undefined, subscribesTo !== null || isCalled);
      assert.equal(endpoint.httpsTrigger !== undefined, isCalled);
      const secrets = endpoint.secretEnvironmentVariables?.map(({ key }) => key) ?? [];
      assert.deepEqual(secrets, mongodb === null ? [] : [params.mongodbUri.name]);
    });
  }
});
