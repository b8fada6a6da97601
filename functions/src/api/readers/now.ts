import { z } from 'zod';
import { type Config, recordCollections } from '../../config/defineConfig.ts';
import { controlRef, parseControl } from '../../control/control.ts';
import { openStatuses } from '../../holds/job.ts';
import { judgeTargets } from '../../measures/targets.ts';
import { documentIdFrom } from '../../records/documentIds.ts';
import { defaultRelayLimits } from '../../relay/limits.ts';
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
});

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
    firestore.getAll(firestore.collection(recordCollections.relay).doc(relayId(config)), control),
    runningJobs(most.running),
    newestAlerts(most.alerts),
    count(recordCollections.jobs, openStatuses),
    count(recordCollections.failures, ['dead', 'failing']),
    lastMinutes(),
  ]);
  const at = clock.now();
  const { paused } = parseControl(control.path, controlled?.data());
  const newest = minutes.findLast((minute) => minute !== null);
  const view = {
    at,
    mode: mode(),
    relay: relayView(relay?.data(), at, {
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

function relayId({ source }: Config): string {
  return documentIdFrom(`${source.database}.${source.collection}`);
}

function relayView(
  data: unknown,
  now: number,
  { isPaused, lagMs }: { readonly isPaused: boolean; readonly lagMs: number | null },
): NowView['relay'] {
  const parsed = relaySchema.safeParse(data);
  if (!parsed.success) return { state: 'never-ran', holder: null, place: null, lagMs: null, renewedAt: null };
  const { clusterTime, lease } = parsed.data;
  const isHeld = lease.holder !== null && lease.expiresAt > now;
  return {
    state: isPaused ? 'paused' : isHeld ? 'running' : 'stopped',
    holder: isHeld ? lease.holder : null,
    place: clusterTime === null ? null : clusterTime.seconds * 1_000,
    lagMs,
    renewedAt: lease.expiresAt === 0 ? null : lease.expiresAt - defaultRelayLimits.leaseMs,
  };
}
