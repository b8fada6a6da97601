// The functions that the provisioning knows, held against what the bundle exports: attacks "every function has its own
// account and trigger".
import assert from 'node:assert/strict';
import { z } from 'zod';
import { type FunctionIdentity, functionIdentities, identitiesWith, type Topics } from '../../deploy/identities.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import * as params from '../../src/config/params.ts';
import { isWatched, watchName } from '../../src/config/watched.ts';
import * as bundle from '../../src/index.ts';
import config from '../../src/lockstep.config.ts';
import { createServices } from '../../src/triggers/services.ts';
import { watchAssetsFunctions } from '../../src/triggers/watchAssets.ts';

/** What firebase-functions attaches to every function for its deployment. */
const endpointSchema = z.looseObject({
  serviceAccountEmail: z.string(),
  eventTrigger: z
    .looseObject({
      eventType: z.string(),
      retry: z.boolean(),
      eventFilters: z.looseObject({ topic: z.unknown().optional() }),
      eventFilterPathPatterns: z.looseObject({ document: z.string().optional() }).optional(),
    })
    .optional(),
  scheduleTrigger: z.looseObject({}).optional(),
  httpsTrigger: z.looseObject({}).optional(),
  secretEnvironmentVariables: z.array(z.looseObject({ key: z.string() })).optional(),
});

type Exported = readonly { readonly name: string; readonly endpoint: z.output<typeof endpointSchema> }[];

const { watch, relayShard, ...always } = bundle;
const exported: Exported = endpointsOf(always);

function endpointsOf(functions: Readonly<Record<string, object>>, prefix = ''): Exported {
  return Object.entries(functions).map(([name, value]) => ({
    name: prefix + name,
    endpoint: endpointSchema.parse('__endpoint' in value ? value.__endpoint : undefined),
  }));
}

const topics: Readonly<Record<keyof Topics, unknown>> = {
  events: params.eventsTopic.expression,
  deletions: params.deletionsTopic.expression,
  deadLetters: params.deadLetterTopic.expression,
  requests: params.requestsTopic.expression,
  alerts: params.alertsTopic.expression,
  converged: params.convergedTopic.expression,
};

function assertSame(all: Exported, identity: FunctionIdentity): void {
  const { name, account, subscribesTo, watches = false, isCalled = false, mongodb } = identity;
  const endpoint = all.find((candidate) => candidate.name === name)?.endpoint;
  assert.ok(endpoint);
  assert.equal(endpoint.serviceAccountEmail, `${account}@`);
  const topic = endpoint.eventTrigger?.eventFilters.topic;
  assert.equal(topic, subscribesTo === null ? undefined : topics[subscribesTo]);
  assert.equal(endpoint.scheduleTrigger === undefined, subscribesTo !== null || watches || isCalled);
  assert.equal(endpoint.httpsTrigger !== undefined, isCalled);
  const secrets = endpoint.secretEnvironmentVariables?.map(({ key }) => key) ?? [];
  assert.deepEqual(secrets, mongodb === null ? [] : [params.mongodbUri.name]);
}

const namesOf = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name).sort();

describe('functions that the provisioning knows', () => {
  it('are those that the bundle exports', () => {
    assert.deepEqual(namesOf(functionIdentities), namesOf(exported));
    const watched = config.collections.filter(isWatched).map(watchName);
    assert.deepEqual(namesOf(identitiesWith(watched)), namesOf([...exported, ...endpointsOf(watch, 'watch-')]));
  });

  it('have shards of the relay that are what the relay is, but for when they are left out', () => {
    const whole = exported.find(({ name }) => name === 'relayProjectChanges')?.endpoint;
    assert.deepEqual(Object.keys(relayShard), ['2', '3', '4', '5', '6', '7', '8']);
    for (const [number, shard] of Object.entries(relayShard)) {
      const { omit, ...endpoint } = endpointSchema.parse('__endpoint' in shard ? shard.__endpoint : undefined);
      assert.deepEqual(endpoint, whole);
      assert.equal(String(omit), `params.RELAY_SHARDS < ${number}`);
    }
  });

  for (const identity of functionIdentities) {
    it(`${identity.name}: the same account, trigger and secret`, () => assertSame(exported, identity));
  }

  it('watch, of each collection that asks for it: the same account, trigger and secret', () => {
    const guarded = defineConfig({
      source: { database: 'd', collection: 'projects' },
      collections: [
        { path: 'tenants/{tenantId}/boards', projectId: 'projectId', guard: true },
        { path: 'media', projectId: 'projectId' },
      ],
    });
    const all = endpointsOf(watchAssetsFunctions(createServices(guarded)), 'watch-');
    assert.deepEqual(namesOf(all), ['watch-tenantsBoards']);
    const [identity] = identitiesWith(['tenantsBoards']).filter(({ watches }) => watches);
    assert.ok(identity);
    assertSame(all, identity);
    const trigger = all[0]?.endpoint.eventTrigger;
    assert.equal(trigger?.eventType, 'google.cloud.firestore.document.v1.written');
    assert.equal(trigger?.eventFilterPathPatterns?.document, 'tenants/{tenantId}/boards/{lockstepAsset}');
    assert.equal(trigger?.eventFilters.database, params.firestoreDatabase.expression);
    assert.equal(trigger?.retry, true);
  });
});
