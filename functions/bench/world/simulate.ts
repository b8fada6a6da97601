import type { Deployment } from './deployment.ts';
import { type Meter, rampingMeter, steadyMeter } from './meter.ts';
import { createEventQueue } from './queue.ts';
import type { Change } from './scenario.ts';

/** What can make a change wait. */
export const bounds = [
  'relay',
  'Pub/Sub throughput',
  'instances',
  "instances' processors",
  'ramp-up of assets (500/50/5)',
  'writes per second of the database',
  'ramp-up of records (500/50/5)',
  'hotspot of record times (500/s)',
  "the database's processor",
] as const;
export type Bound = (typeof bounds)[number];

/** What became of all changes. */
export interface Simulated {
  readonly changes: number;
  /** From the commit of each change to the last of its assets shown, in ms, in order of their ends. */
  readonly shown: readonly { readonly atMs: number; readonly waitMs: number }[];
  /** When the last one was shown, in ms. */
  readonly endedAtMs: number;
  /** How long changes have waited for each, all together, in ms. */
  readonly waitedFor: Readonly<Record<Bound, number>>;
  readonly billed: { readonly reads: number; readonly writes: number; readonly deletes: number };
  /** Time in which an instance had at least one event in hand, all together, in ms: what is paid for. */
  readonly instanceMs: number;
  /** Processor time of the instances, in ms. */
  readonly cpuMs: number;
}

interface Instance {
  busy: number;
  busySince: number;
  readonly cpu: Meter;
}

interface Job {
  readonly change: Change;
  instance?: Instance;
  /** What its end was bound by. */
  cause: Bound;
}

type ModelEvent =
  | { readonly kind: 'committed'; readonly job: Job }
  | { readonly kind: 'delivered'; readonly job: Job }
  | { readonly kind: 'done'; readonly job: Job };

const secondMs = 1_000;

/** Plays the way of each change: its shard's relay, Pub/Sub, a place in an instance, and there its round trips, its
 *  processor time and its operations, which Firestore lets through no faster than its limits say. Pure: the same
 *  changes and shards come to the same end.
 *  @param random decides which shard a change belongs to */
export function simulate(changes: readonly Change[], deployment: Deployment, random: () => number): Simulated {
  const { measured, limits, concurrency } = deployment;
  const queue = createEventQueue<ModelEvent>();
  for (const change of changes) queue.add(change.atMs, { kind: 'committed', job: { change, cause: 'instances' } });

  const relays = Array.from({ length: deployment.relayShards }, () => steadyMeter(measured.relayEventsPerSecond));
  const publishing = steadyMeter(limits.publishBytesPerSecond);
  const pushing = steadyMeter(limits.pushBytesPerSecond);
  const instances: Instance[] = Array.from({ length: deployment.instances }, () => ({
    busy: 0,
    busySince: 0,
    cpu: steadyMeter(secondMs),
  }));
  const database = databaseOf(deployment);

  const waiting = createFifo<{ readonly job: Job; readonly sinceMs: number }>();
  const waitedFor = Object.fromEntries(bounds.map((bound) => [bound, 0])) as Record<Bound, number>;
  const shown: { atMs: number; waitMs: number }[] = [];
  const billed = { reads: 0, writes: 0, deletes: 0 };
  let instanceMs = 0;
  let cpuMs = 0;
  let endedAtMs = 0;

  const start = (job: Job, instance: Instance, now: number) => {
    if (instance.busy === 0) instance.busySince = now;
    instance.busy += 1;
    job.instance = instance;
    const need = needOf(job.change, deployment);
    cpuMs += need.cpuMs;
    billed.reads += need.reads;
    billed.writes += need.recordWrites + need.assetWrites;
    billed.deletes += need.assetDeletes;
    const aloneMs = now + need.roundTrips * deployment.roundTripMs + need.cpuMs;
    let end = aloneMs;
    job.cause = 'instances';
    const until = (bound: Bound, servedAt: number) => {
      if (servedAt <= end) return;
      end = servedAt;
      job.cause = bound;
    };
    until("instances' processors", instance.cpu.take(now, need.cpuMs) + need.roundTrips * deployment.roundTripMs);
    for (const [bound, meter, amount] of database(need)) until(bound, meter.take(now, amount));
    waitedFor[job.cause] += end - aloneMs;
    queue.add(end, { kind: 'done', job });
  };

  for (let next = queue.next(); next !== undefined; next = queue.next()) {
    const { atMs: now, event } = next;
    const { job } = event;
    switch (event.kind) {
      case 'committed': {
        const relay = relays[Math.floor(random() * relays.length)];
        const readAt = relay?.take(now, 1) ?? now;
        const publishedAt = Math.max(readAt, publishing.take(now, deployment.eventBytes));
        const pushedAt = Math.max(publishedAt, pushing.take(now, deployment.eventBytes));
        waitedFor.relay += readAt - now;
        waitedFor['Pub/Sub throughput'] += pushedAt - readAt;
        queue.add(pushedAt + deployment.pushMs, { kind: 'delivered', job });
        break;
      }
      case 'delivered': {
        const free = leastBusy(instances, concurrency);
        if (free === undefined) waiting.add({ job, sinceMs: now });
        else start(job, free, now);
        break;
      }
      case 'done': {
        const { instance, change, cause } = job;
        if (instance === undefined) throw new Error('a change was done that no instance had in hand');
        instance.busy -= 1;
        if (instance.busy === 0) instanceMs += now - instance.busySince;
        shown.push({ atMs: now, waitMs: now - change.atMs });
        endedAtMs = now;
        const first = waiting.take();
        if (first === undefined) break;
        // It has waited for a place as long as whatever held its predecessors.
        waitedFor[cause] += now - first.sinceMs;
        start(first.job, instance, now);
      }
    }
  }
  return { changes: changes.length, shown, endedAtMs, waitedFor, billed, instanceMs, cpuMs };
}

/** What the work on one change takes. */
interface Need {
  readonly roundTrips: number;
  readonly cpuMs: number;
  readonly reads: number;
  readonly recordWrites: number;
  readonly assetWrites: number;
  readonly assetDeletes: number;
}

/** What a deletion takes on top: it is on record, and counted with those around it, before it is carried out. */
const judgement = { roundTrips: 3, reads: 2, writes: 1 };
const none = { roundTrips: 0, reads: 0, writes: 0 };

function needOf({ kind, assets }: Change, { measured, assetsPerPage }: Deployment): Need {
  const isDeletion = kind === 'deletion';
  const perAsset = isDeletion ? measured.cpuMsPerDeletedAsset : measured.cpuMsPerRenamedAsset;
  // Each page after the first is read, and committed while the next one is read.
  const furtherPages = Math.max(0, Math.ceil(assets / assetsPerPage) - 1);
  const before = isDeletion ? judgement : none;
  return {
    roundTrips: measured.roundTripsPerEvent + before.roundTrips + furtherPages,
    cpuMs: measured.cpuMsPerEvent + assets * perAsset,
    // The measured event has one asset.
    reads: measured.readsPerEvent + before.reads + assets - 1,
    recordWrites: measured.writesPerEvent + before.writes - 1,
    assetWrites: isDeletion ? 0 : assets,
    assetDeletes: isDeletion ? assets : 0,
  };
}

/** What Firestore lets through, and how much of each a change needs. */
function databaseOf({ limits, collections, databaseCpuMs }: Deployment) {
  const ramp = (together: number) =>
    rampingMeter({
      startPerSecond: limits.rampStartPerSecond * together,
      growth: limits.rampGrowth,
      windowMs: limits.rampWindowMs,
      mostPerSecond: Number.MAX_VALUE,
    });
  const assets = ramp(collections);
  const records = ramp(recordCollectionsPerEvent);
  const writes = steadyMeter(limits.writesPerSecond);
  const hotspot = steadyMeter(limits.sequentialWritesPerSecond);
  const cpu = steadyMeter(secondMs);
  return (need: Need): readonly (readonly [Bound, Meter, number])[] => {
    const assetOperations = need.assetWrites + need.assetDeletes;
    return [
      ['ramp-up of assets (500/50/5)', assets, assetOperations],
      ['ramp-up of records (500/50/5)', records, need.recordWrites],
      ['writes per second of the database', writes, assetOperations + need.recordWrites],
      ['hotspot of record times (500/s)', hotspot, 1],
      ...(databaseCpuMs === null
        ? []
        : ([
            ["the database's processor", cpu, databaseCpuMs.perEvent + assetOperations * databaseCpuMs.perAsset],
          ] as const)),
    ];
  };
}

/** An event writes its project's record, its history and its job. */
const recordCollectionsPerEvent = 3;

/** Requests are spread over the instances that are there; a cold start takes no time here. */
function leastBusy(instances: readonly Instance[], concurrency: number): Instance | undefined {
  let least: Instance | undefined;
  for (const instance of instances) {
    if (instance.busy < concurrency && (least === undefined || instance.busy < least.busy)) least = instance;
  }
  return least;
}

function createFifo<T>() {
  let items: T[] = [];
  let first = 0;
  return {
    add: (item: T) => void items.push(item),
    take(): T | undefined {
      const item = items[first];
      if (item === undefined) return undefined;
      first += 1;
      if (first > items.length / 2) {
        items = items.slice(first);
        first = 0;
      }
      return item;
    },
  };
}
