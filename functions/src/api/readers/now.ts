import type { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { type Config, recordCollections } from '../../config/defineConfig.ts';
import { controlRef, parseControl } from '../../control/control.ts';
import { openStatuses } from '../../holds/job.ts';
import { judgeTargets } from '../../measures/targets.ts';
import { defaultRelayLimits } from '../../relay/limits.ts';
import { relayRecordId } from '../../relay/shards/recordId.ts';
import { recent } from '../recent.ts';
import type { NowView } from '../views/now.ts';
import type { AlertsReader } from './alerts.ts';
import type { JobsReader } from './jobs.ts';
import type { MeasuresReader } from './measures.ts';
import { summaryOf } from './summary.ts';
import type { ReaderDependencies, Views } from './views.ts';

/** Shown of what is running and of what is open; the lists have the rest. A poll costs as many reads, and is to cost 10
 *  at most: these, the records of relay and control, two counts, and once a minute measures. */
const most = { running: 3, alerts: 2 } as const;

/** How long an answer serves all callers of an instance, in ms: what changes still appears within 5 s. */
const keptMs = 1_000;

/** The part of the relay's record that is shown: reading all of it would load MongoDB's driver. */
const relaySchema = z.looseObject({
  clusterTime: z.object({ seconds: z.number() }).nullable(),
  lease: z.object({ holder: z.string().nullable(), expiresAt: z.number() }),
  shards: z.number().int().min(1).default(1),
  status: z.object({ lagMs: z.number().nullable() }).nullable().default(null),
});
type ShownRecord = z.infer<typeof relaySchema>;
type RelayView = NowView['relay'];

interface Parts extends Pick<JobsReader, 'running'>, Pick<MeasuresReader, 'lastMinutes'> {
  readonly openAlerts: AlertsReader['open'];
}

export function createNowReader(dependencies: ReaderDependencies, parts: Parts): Pick<Views, 'now'> {
  const { clock } = dependencies;
  return { now: recent(clock, keptMs, () => readNow(dependencies, parts)) };
}

async function readNow(
  { firestore, config, clock, mode }: ReaderDependencies,
  { running: runningJobs, openAlerts: newestAlerts, lastMinutes }: Parts,
): Promise<NowView> {
  const count = async (collection: string, statuses: readonly string[]) => {
    const query = firestore.collection(collection).where('status', 'in', [...statuses]);
    return (await query.count().get()).data().count;
  };
  const control = controlRef(firestore);
  const [[relay, controlled], running, openAlerts, holds, deadLetters, minutes] = await Promise.all([
    firestore.getAll(relayRef(firestore, config, 1), control),
    runningJobs(most.running),
    newestAlerts(most.alerts),
    count(recordCollections.jobs, openStatuses),
    count(recordCollections.failures, ['dead']),
    lastMinutes(),
  ]);
  const records = await withOtherShards(firestore, config, relay?.data());
  const at = clock.now();
  const { paused } = parseControl(control.path, controlled?.data());
  const newest = minutes.findLast((minute) => minute !== null);
  const view = {
    at,
    mode: mode(),
    relay: relayView(records, at, {
      isPaused: paused.some(({ what }) => what === 'relay'),
      lagMs: newest?.relayLagMs ?? null,
    }),
    backlog: newest?.backlog ?? running.length,
    running,
    openAlerts,
    hasMoreAlerts: openAlerts.length === most.alerts,
    holds,
    deadLetters,
    paused: [...paused],
    targets: [...judgeTargets(minutes, config.targets)],
  };
  return { ...view, ...summaryOf(view) };
}

function relayRef(firestore: Firestore, { source }: Config, shard: number) {
  return firestore.collection(recordCollections.relay).doc(relayRecordId(source, shard));
}

/** The records of all shards (null: removed, or not understood); none before the first start. One read more for each
 *  further shard. */
async function withOtherShards(firestore: Firestore, config: Config, data: unknown): Promise<(ShownRecord | null)[]> {
  const first = relaySchema.safeParse(data);
  if (!first.success) return [];
  const refs = Array.from({ length: first.data.shards - 1 }, (_, index) => relayRef(firestore, config, index + 2));
  const others = refs.length === 0 ? [] : await firestore.getAll(...refs);
  return [first.data, ...others.map((other) => relaySchema.safeParse(other.data()).data ?? null)];
}

function relayView(
  records: readonly (ShownRecord | null)[],
  now: number,
  { isPaused, lagMs }: { readonly isPaused: boolean; readonly lagMs: number | null },
): RelayView {
  const [first, ...others] = records.map((record) => stateOf(record, now));
  if (first === undefined) {
    return { state: 'never-ran', holder: null, place: null, lagMs: null, renewedAt: null, shards: [] };
  }
  const isRunning = [first, ...others].every(({ state }) => state === 'running');
  return {
    state: isPaused ? 'paused' : isRunning ? 'running' : 'stopped',
    holder: first.holder,
    place: least([first, ...others].map(({ place }) => place)),
    lagMs,
    renewedAt: least([first, ...others].map(({ renewedAt }) => renewedAt)),
    shards:
      others.length === 0
        ? []
        : [first, ...others].map(({ holder: _holder, ...state }, index) => ({ shard: index + 1, ...state })),
  };
}

function stateOf(record: ShownRecord | null, now: number) {
  if (record === null) return { state: 'stopped' as const, holder: null, place: null, lagMs: null, renewedAt: null };
  const { clusterTime, lease, status } = record;
  const isHeld = lease.holder !== null && lease.expiresAt > now;
  return {
    state: isHeld ? ('running' as const) : ('stopped' as const),
    holder: isHeld ? lease.holder : null,
    place: clusterTime === null ? null : clusterTime.seconds * 1_000,
    lagMs: isHeld ? (status?.lagMs ?? null) : null,
    renewedAt: lease.expiresAt === 0 ? null : lease.expiresAt - defaultRelayLimits.leaseMs,
  };
}

/** The earliest time; null when one is not known. */
function least(times: readonly (number | null)[]): number | null {
  return times.reduce((before, time) => (before === null || time === null ? null : Math.min(before, time)));
}
