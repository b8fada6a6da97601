// The functions that ask MongoDB, and only they, run in the private network that the configuration names.
import assert from 'node:assert/strict';
import { z } from 'zod';
import { ConfigError, type ConfigInput, defineConfig } from '../../src/config/defineConfig.ts';
import { reconcileAssetsFunction } from '../../src/triggers/reconcileAssets.ts';
import { reconcileOnRequestFunction } from '../../src/triggers/reconcileOnRequest.ts';
import { recordDeadLetterFunction } from '../../src/triggers/recordDeadLetter.ts';
import { relayProjectChangesFunction } from '../../src/triggers/relayProjectChanges.ts';
import { createServices } from '../../src/triggers/services.ts';
import { syncDeletionsFunction, syncProjectFunction } from '../../src/triggers/syncProject.ts';

const endpointSchema = z.looseObject({ vpc: z.unknown() });

const configOf = (privateNetwork: ConfigInput['privateNetwork']) =>
  defineConfig({
    source: { database: 'd', collection: 'projects' },
    collections: [{ path: 'a', projectId: 'p' }],
    privateNetwork,
  });

/** What the deployment of each function says of its network. */
function networks(privateNetwork: ConfigInput['privateNetwork']) {
  const services = createServices(configOf(privateNetwork));
  const functions = {
    relayProjectChanges: relayProjectChangesFunction(services),
    syncProject: syncProjectFunction(services),
    syncDeletions: syncDeletionsFunction(services),
    reconcileOnRequest: reconcileOnRequestFunction(services),
    recordDeadLetter: recordDeadLetterFunction(services),
    reconcileAssets: reconcileAssetsFunction(services),
  };
  return Object.fromEntries(
    Object.entries(functions).map(([name, made]) => [
      name,
      endpointSchema.parse('__endpoint' in made ? made.__endpoint : undefined).vpc,
    ]),
  );
}

describe('a private network', () => {
  for (const [what, given, expected] of [
    ['a connector', { connector: 'lockstep' }, { connector: 'lockstep', egressSettings: 'PRIVATE_RANGES_ONLY' }],
    [
      'direct egress into a subnetwork, with all traffic',
      { subnetwork: 'functions', egress: 'all' },
      { networkInterfaces: [{ subnetwork: 'functions' }], egressSettings: 'ALL_TRAFFIC' },
    ],
    [
      'direct egress into a network',
      { network: 'shared' },
      { networkInterfaces: [{ network: 'shared' }], egressSettings: 'PRIVATE_RANGES_ONLY' },
    ],
  ] as const) {
    it(`by ${what} is that of the functions that ask MongoDB`, () => {
      const { recordDeadLetter, reconcileAssets, ...others } = networks(given);
      for (const [name, vpc] of Object.entries(others)) assert.deepEqual(vpc, expected, name);
      const { recordDeadLetter: without } = networks(undefined);
      assert.deepEqual([recordDeadLetter, reconcileAssets], [without, without]);
    });
  }

  it('is none by itself', () => {
    const [first, ...others] = Object.values(networks(undefined));
    for (const vpc of others) assert.equal(vpc, first);
  });

  for (const wrong of [{}, { connector: 'c', network: 'n' }, { egress: 'all' }] as const) {
    it(`is refused as ${JSON.stringify(wrong)}`, () => {
      assert.throws(
        () => configOf(wrong),
        (error) => error instanceof ConfigError && /privateNetwork: expected either "connector"/.test(error.message),
      );
    });
  }
});
