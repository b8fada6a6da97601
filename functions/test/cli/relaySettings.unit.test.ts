import assert from 'node:assert/strict';
import { readInvocation } from '../../src/cli/command.ts';
import { isHealthy } from '../../src/cli/healthServer.ts';
import { relay } from '../../src/cli/relay.ts';
import type { Environment } from '../../src/cli/terminal.ts';
import { createRelayHealth } from '../../src/relay/status/health.ts';
import { manualClock } from '../support/clock.ts';

const env = { MONGODB_URI: 'mongodb://h/?replicaSet=r', GCLOUD_PROJECT: 'demo' };

const mainSettings = (args: readonly string[], variables: Environment) => readInvocation(relay, args, variables);

describe('settings of the relay process', () => {
  it('says in one sentence what is missing', () => {
    for (const [given, expected] of [
      [{ ...env, MONGODB_URI: '' }, /^MONGODB_URI is not set/],
      [{ ...env, GCLOUD_PROJECT: undefined }, /^GCLOUD_PROJECT is not set/],
    ] as const) {
      const settings = mainSettings([], given);
      assert.ok(settings.kind === 'mistake');
      assert.match(settings.message, expected);
    }
  });

  it('refuses what it does not know', () => {
    for (const args of [
      ['--prot', '1'],
      ['--port', 'x'],
      ['--port', '70000'],
      ['--max-lag', '0'],
      ['--shard', '0'],
      ['--shard', '9'],
      ['stray'],
    ]) {
      assert.equal(mainSettings(args, env).kind, 'mistake', args.join(' '));
    }
    const settings = mainSettings([], { ...env, PORT: '99999' });
    assert.match(settings.kind === 'mistake' ? settings.message : settings.kind, /^PORT: .* from 0 to 65535/);
  });

  it('takes the port from the option, then from PORT, and none otherwise', () => {
    const portOf = (args: string[], port?: string) => {
      const settings = mainSettings(args, { ...env, PORT: port });
      return settings.kind === 'run' && 'port' in settings.settings ? settings.settings.port : settings.kind;
    };
    assert.equal(portOf(['--port', '81'], '82'), 81);
    assert.equal(portOf([], '82'), 82);
    assert.equal(portOf([]), undefined);
    assert.equal(mainSettings(['--help'], {}).kind, 'help');
  });
});

describe('settings of a shard', () => {
  it('name the one to follow; by itself all are', () => {
    const shardOf = (...args: string[]) => {
      const settings = mainSettings(args, env);
      return settings.kind === 'run' && 'shard' in settings.settings ? settings.settings.shard : settings.kind;
    };
    assert.equal(shardOf('--shard', '3'), 3);
    assert.equal(shardOf(), undefined);
  });
});

describe('settings of a rewind', () => {
  it('takes a time with its zone, and what every decision takes', () => {
    const read = mainSettings(['rewind', '--to', '2026-11-27T12:00:00+01:00', '--reason', 'bad deployment', '-y'], env);
    assert.deepEqual(read, {
      kind: 'run',
      settings: {
        mongodbUri: env.MONGODB_URI,
        projectId: env.GCLOUD_PROJECT,
        rewindTo: Date.UTC(2026, 10, 27, 11),
        reason: 'bad deployment',
        as: undefined,
        yes: true,
      },
    });
  });

  for (const [args, expected] of [
    [['rewind'], /--to/],
    [['rewind', '--to', 'yesterday'], /--to: expected a time such as 2026-11-27T12:00:00Z, received "yesterday"/],
    [['rewind', '--to', '2026-11-27T12:00:00'], /--to: expected a time/],
  ] as const) {
    it(`refuses ${args.join(' ')}`, () => {
      const read = mainSettings(args, env);
      assert.match(read.kind === 'mistake' ? read.message : read.kind, expected);
    });
  }
});

describe('health of the relay', () => {
  it('measures the lag from the oldest unpublished change, or else from what was read last', () => {
    const clock = manualClock(10_000);
    let oldest: number | undefined;
    const health = createRelayHealth(clock);
    assert.equal(health.status().lagMs, null);
    assert.ok(isHealthy(health.status(), 0));
    health.watch({
      lease: () => ({ fencing: 1, expiresAt: 20_000 }),
      lastCheckpointAt: () => 9_000,
      inFlight: () => 0,
      published: () => 3,
      deadLettered: () => 0,
      oldestUnpublishedAt: () => oldest,
    });
    health.readUpTo(9_500);
    assert.equal(health.status().lagMs, 500);
    oldest = 4_000;
    clock.advance(1_000);
    assert.equal(health.status().lagMs, 7_000);
    assert.ok(!isHealthy(health.status(), 6_999));
    health.watch(null);
    assert.equal(health.status().lease, null);
    assert.equal(health.status().lagMs, null);
  });
});
