import { randomUUID } from 'node:crypto';
import { Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { startSchedule } from '../local/runtime/scheduler.ts';
import { startFirestoreServer } from '../local/servers/firestore/server.ts';
import { startMongoServer } from '../local/servers/mongodb/server.ts';
import { type Clock, minuteMs, secondMs, sleep, systemClock } from '../src/clock.ts';
import { decodeEvent } from '../src/events/codec.ts';
import type { Publisher } from '../src/publisher.ts';
import { defaultRelayLimits } from '../src/relay/limits.ts';
import { runRelay } from '../src/relay/relay.ts';
import { connectSource, type ProjectsSource } from '../src/source/connect.ts';
import type { Benchmark, BenchOptions, BenchResult } from './benchmark.ts';
import { relayConfig } from './contenders/relayWays.ts';
import { machineMs } from './processes/machineClock.ts';
import { median } from './statistics.ts';

export interface GapSizes {
  readonly handOvers: number;
  /** Budget of one execution, in ms. */
  readonly budgetMs: number;
}

const gapSizes: Readonly<Record<BenchOptions['size'], GapSizes>> = {
  full: { handOvers: 10, budgetMs: 6_000 },
  quick: { handOvers: 2, budgetMs: 3_000 },
};

/** How long changes wait where one scheduled execution of the relay follows another. */
export const benchmark: Benchmark = {
  name: 'gaps',
  summary: 'waits of changes where one scheduled execution of the relay follows another',
  run: (options) => measureGaps(gapSizes[options.size], options),
};

/** A change is written so often, in ms: the resolution of what is measured. */
const writeEveryMs = 10;

/** The budget that is deployed, in ms. */
const deployedBudgetMs = 1_740 * secondMs;

interface HandOver {
  readonly endedAt: number;
  readonly beganAt: number;
}

// The client library would look for a Google machine around it.
process.env.METADATA_SERVER_DETECTION ??= 'none';

/** Runs executions as Cloud Scheduler does, never two at once, while projects are written. */
export async function measureGaps(
  sizes: GapSizes,
  { onProgress }: Pick<BenchOptions, 'onProgress'>,
): Promise<BenchResult> {
  const [mongo, firestoreServer] = await Promise.all([startMongoServer(), startFirestoreServer()]);
  const firestore = new Firestore({ projectId: 'demo-gaps', host: firestoreServer.host, ssl: false });
  const source = await connectSource(mongo.uri, relayConfig);
  const stopping = new AbortController();
  const writtenAt = new Map<string, number>();
  const waits = new Map<string, { readonly at: number; readonly ms: number }>();
  const handOvers: HandOver[] = [];
  let endedAt: number | undefined;
  const events: Publisher = {
    async publish({ data }) {
      const decoded = decodeEvent(data);
      const written = decoded.ok ? writtenAt.get(decoded.event.projectId) : undefined;
      if (!decoded.ok || written === undefined || waits.has(decoded.event.projectId)) return;
      waits.set(decoded.event.projectId, { at: written, ms: machineMs() - written });
    },
    async flush() {},
  };
  const nowhere: Publisher = { async publish() {}, async flush() {} };
  const relay = (signal: AbortSignal) =>
    runRelay({
      source,
      firestore,
      config: relayConfig,
      publishers: { events, deadLetters: nowhere, reconciliationRequests: nowhere },
      clock: systemClock,
      random: Math.random,
      log: { debug() {}, info() {}, warn() {}, error() {}, alarm() {} },
      limits: defaultRelayLimits,
      holder: randomUUID(),
      budgetMs: sizes.budgetMs,
      signal,
    });
  const execute = async (): Promise<boolean> => {
    const beganAt = machineMs();
    if (endedAt !== undefined) handOvers.push({ endedAt, beganAt });
    await relay(stopping.signal);
    endedAt = machineMs();
    onProgress(`execution ${handOvers.length + 1} ended after ${Math.round(endedAt - beganAt)} ms`);
    if (handOvers.length >= sizes.handOvers) {
      schedule.stop();
      stopping.abort();
    }
    return true;
  };
  const schedule = startSchedule({
    spec: {
      name: 'relayProjectChanges',
      timeoutSeconds: 1_800,
      memoryMiB: 512,
      concurrency: 1,
      secrets: [],
      trigger: {
        kind: 'schedule',
        schedule: '* * * * *',
        retry: { count: 0, minBackoffSeconds: 5, maxBackoffSeconds: 3_600, maxDoublings: 5, maxRetrySeconds: 0 },
      },
    },
    clock: hurried((2 * minuteMs) / sizes.budgetMs),
    dueAtStart: true,
    attempt: execute,
    ended(error) {
      throw error;
    },
  });
  try {
    await writeUntil(source, writtenAt, stopping.signal);
    const measured = [...waits.values()];
    // What was on its way when the last one was stopped is the next one's: no change is lost at any hand-over.
    await relay(new AbortController().signal);
    const written = [...writtenAt.keys()];
    // Without a checkpoint the very first one begins at its own time, and leaves what was before to reconciliation.
    const first = written.findIndex((projectId) => waits.has(projectId));
    const lost = written.slice(first).filter((projectId) => !waits.has(projectId));
    if (first < 0 || lost.length > 0)
      throw new Error(`${lost.length} of ${written.length} changes were never published`);
    return resultOf(sizes, handOvers, measured, writtenAt.size);
  } finally {
    schedule.stop();
    await Promise.all([source.close(), firestore.terminate()]);
    await Promise.all([mongo.close(), firestoreServer.close()]);
  }
}

/** A clock that goes `factor` times as fast: an execution then takes longer than the minute of the schedule, as the
 *  deployed one does. */
function hurried(factor: number): Clock {
  const start = systemClock.now();
  return {
    now: () => start + (systemClock.now() - start) * factor,
    after: (ms, run) => systemClock.after(ms / factor, run),
  };
}

async function writeUntil(source: ProjectsSource, writtenAt: Map<string, number>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const _id = new ObjectId();
    writtenAt.set(_id.toHexString(), machineMs());
    await source.projects.insertOne({ _id, name: 'x' });
    await sleep(systemClock, writeEveryMs);
  }
}

function resultOf(
  { budgetMs }: GapSizes,
  handOvers: readonly HandOver[],
  waits: readonly { readonly at: number; readonly ms: number }[],
  written: number,
): BenchResult {
  const isAround = ({ endedAt, beganAt }: HandOver, at: number) =>
    at >= endedAt - defaultRelayLimits.drainMs * 2 && at <= beganAt + secondMs;
  const within = waits.filter(({ at }) => !handOvers.some((handOver) => isAround(handOver, at)));
  const worst = handOvers.map((handOver) =>
    Math.max(...waits.filter(({ at }) => isAround(handOver, at)).map(({ ms }) => ms)),
  );
  return {
    name: 'gaps',
    notes: [
      `one execution of ${budgetMs} ms after the other, never two at once; a change every ${writeEveryMs} ms, ${written} in all, ${waits.length} published before the end`,
      'without the time that Cloud Scheduler takes to send the next request, and without a cold start',
    ],
    tables: [
      {
        title: 'hand-overs',
        headings: ['hand-over', 'between end and beginning (ms)', 'longest wait of a change (ms)'],
        rows: handOvers.map(({ endedAt, beganAt }, index) => [
          index + 1,
          Math.round(beganAt - endedAt),
          Math.round(worst[index] ?? 0),
        ]),
      },
    ],
    figures: [
      {
        name: 'gaps: median wait within an execution',
        unit: 'ms',
        better: 'lower',
        kind: 'timed',
        samples: medianByExecution(handOvers, within),
      },
      {
        name: 'gaps: a minute, as an interval schedule would leave / longest wait at a hand-over',
        unit: 'ratio',
        better: 'higher',
        kind: 'timed',
        samples: worst.map((ms) => minuteMs / ms),
      },
      {
        name: 'gaps: deployed budget / longest wait at a hand-over',
        unit: 'ratio',
        better: 'higher',
        kind: 'timed',
        samples: worst.map((ms) => deployedBudgetMs / ms),
      },
    ],
  };
}

/** The median wait in each execution that ended with a hand-over; one that had hardly begun has none. */
function medianByExecution(
  handOvers: readonly HandOver[],
  waits: readonly { readonly at: number; readonly ms: number }[],
): readonly number[] {
  return handOvers.flatMap(({ endedAt }, index) => {
    const beganAt = handOvers[index - 1]?.beganAt ?? 0;
    const its = waits.filter(({ at }) => at >= beganAt && at < endedAt).map(({ ms }) => ms);
    return its.length > 0 ? [median(its)] : [];
  });
}
