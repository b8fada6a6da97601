// Relays as processes with the limits of production: attacks I1 and I6 where one stops or dies in the middle of its
// work.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Subscription } from '@google-cloud/pubsub';
import { ObjectId } from 'mongodb';
import { defaultRelayLimits } from '../../src/relay/limits.ts';
import { until } from '../support/until.ts';
import { eventOf } from './fixtures/relay.fixture.ts';
import { type RelayProcess, type RelayProcesses, startRelayProcesses } from './fixtures/relayProcesses.fixture.ts';

/** The product promises that a hand-over takes no longer, in ms. */
const promisedMs = 2_000;

/** What may come on top of lease and poll when a relay has died, in ms: to take the lease, and to look at who has
 *  it. */
const takingMs = 1_000;

/** A change about every so many ms. */
const everyMs = 20;

describe('hand-over between relay processes', () => {
  let processes: RelayProcesses;
  let subscription: Subscription;
  before(async () => {
    processes = await startRelayProcesses();
    subscription = processes.pubsub.subscription('project-events-test');
  });
  after(async () => {
    await subscription.close();
    await processes.killAll();
    await processes.close();
  });

  const start = () => processes.start(['--port', '0']);

  /** Waits until a relay has printed something, however long it takes to start. */
  async function says(relay: RelayProcess, text: string): Promise<void> {
    while (!relay.output().includes(text)) {
      const { exitCode, signalCode } = relay.child;
      assert.ok(exitCode === null && signalCode === null, `it ended before it said "${text}": ${relay.output()}`);
      await pause(20);
    }
  }

  /** How long it takes until a relay reads, in ms. */
  async function untilReading(relay: RelayProcess, atMostMs: number): Promise<number> {
    const from = performance.now();
    const took = () => performance.now() - from;
    while ((await relay.health()).body.phase !== 'reading') {
      assert.ok(took() <= atMostMs, `not reading after ${took()} ms: ${relay.output()}`);
      await pause(5);
    }
    return took();
  }

  /** Creates projects until it is told to stop; returns the names of all. */
  function write(): () => Promise<string[]> {
    const names: string[] = [];
    const stop = new AbortController();
    const writing = (async () => {
      while (!stop.signal.aborted) {
        const name = `p${names.length}`;
        await processes.projects.insertOne({ _id: new ObjectId(), name });
        names.push(name);
        await pause(everyMs);
      }
    })();
    return async () => {
      stop.abort();
      await writing;
      return names;
    };
  }

  it('takes 2 s at most when one is asked to stop, its lease when it is killed, and loses no change', async function () {
    const { leaseMs, standbyPollMs } = defaultRelayLimits;
    this.timeout(leaseMs + 45_000);
    const seen = new Map<unknown, string>();
    subscription.on('message', (message) => {
      const { changes } = eventOf(message.data);
      // What comes twice is the same.
      assert.equal(seen.get(changes.name) ?? message.data.toString(), message.data.toString());
      seen.set(changes.name, message.data.toString());
      message.ack();
    });
    const first = start();
    await says(first, 'the relay has the lease');
    await until(async () => (await first.health()).body.phase === 'reading');
    const [second, third] = [start(), start()];
    const stopWriting = write();
    await Promise.all([second, third].map((relay) => says(relay, 'standing by')));
    await until(() => seen.size > 0);

    first.child.kill('SIGTERM');
    const reading = await Promise.any(
      [second, third].map(async (relay) => ({ relay, took: await untilReading(relay, promisedMs) })),
    );
    assert.ok(reading.took <= promisedMs, `${reading.took} ms`);
    assert.equal(await first.exited, 0);
    assert.match(first.output(), /the relay has given back the lease/);

    await until(async () => (await reading.relay.health()).body.published > 0);
    const other = reading.relay === second ? third : second;
    reading.relay.child.kill('SIGKILL');
    const tookOver = await untilReading(other, leaseMs + standbyPollMs + takingMs);
    assert.ok(tookOver <= leaseMs + standbyPollMs + takingMs, `${tookOver} ms`);
    await until(async () => (await other.health()).body.published > 0);

    const names = await stopWriting();
    await until(() => names.every((name) => seen.has(name)));
  });
});
