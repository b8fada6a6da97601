import { z } from 'zod';
import { type Config, recordCollections } from '../../config/defineConfig.ts';
import { openStatuses } from '../../holds/job.ts';
import { documentIdFrom } from '../../records/documentIds.ts';
import { defaultRelayLimits } from '../../relay/limits.ts';
import { recent } from '../recent.ts';
import type { NowView } from '../views/now.ts';
import type { JobsReader } from './jobs.ts';
import type { ReaderDependencies, Views } from './views.ts';

/** Shown of what is running and of what is open; the lists have the rest. A poll costs as many reads. */
const most = { running: 3, alerts: 2 } as const;

/** How long an answer serves all callers of an instance, in ms: what changes still appears within 5 s. */
const keptMs = 1_000;

/** The part of the relay's record that is shown: reading all of it would load MongoDB's driver. */
const relaySchema = z.looseObject({
  clusterTime: z.object({ seconds: z.number() }).nullable(),
  lease: z.object({ holder: z.string().nullable(), expiresAt: z.number() }),
});

export function createNowReader(dependencies: ReaderDependencies, jobs: JobsReader): Pick<Views, 'now'> {
  const { clock } = dependencies;
  return { now: recent(clock, keptMs, () => readNow(dependencies, jobs)) };
}

async function readNow({ firestore, config, clock }: ReaderDependencies, jobs: JobsReader): Promise<NowView> {
  const count = async (collection: string, statuses: readonly string[]) => {
    const query = firestore.collection(collection).where('status', 'in', [...statuses]);
    return (await query.count().get()).data().count;
  };
  const [relay, running, holds, deadLetters] = await Promise.all([
    firestore.collection(recordCollections.relay).doc(relayId(config)).get(),
    jobs.running(most.running),
    count(recordCollections.jobs, openStatuses),
    count(recordCollections.failures, ['dead', 'failing']),
  ]);
  const at = clock.now();
  const view = {
    at,
    mode: 'live' as const,
    relay: relayView(relay.data(), at),
    backlog: running.length,
    running,
    openAlerts: [],
    holds,
    deadLetters,
    paused: [],
    targets: [],
  };
  return { ...view, ...summaryOf(view) };
}

function relayId({ source }: Config): string {
  return documentIdFrom(`${source.database}.${source.collection}`);
}

function relayView(data: unknown, now: number): NowView['relay'] {
  const parsed = relaySchema.safeParse(data);
  if (!parsed.success) return { state: 'never-ran', holder: null, place: null, lagMs: null, renewedAt: null };
  const { clusterTime, lease } = parsed.data;
  const isHeld = lease.holder !== null && lease.expiresAt > now;
  return {
    state: isHeld ? 'running' : 'stopped',
    holder: isHeld ? lease.holder : null,
    place: clusterTime === null ? null : clusterTime.seconds * 1_000,
    lagMs: null,
    renewedAt: lease.expiresAt === 0 ? null : lease.expiresAt - defaultRelayLimits.leaseMs,
  };
}

/** The sentence that stands above everything else: the worst of what is known. */
export function summaryOf({
  relay,
  running,
  holds,
  deadLetters,
}: Pick<NowView, 'relay' | 'running' | 'holds' | 'deadLetters'>): Pick<NowView, 'summary' | 'inStep'> {
  if (relay.state === 'never-ran')
    return { inStep: false, summary: 'The relay has never run: nothing is kept in step.' };
  if (relay.state === 'stopped') return { inStep: false, summary: 'The relay is stopped: changes of projects wait.' };
  const waiting = [
    ...(deadLetters > 0 ? [`${deadLetters} dead ${deadLetters === 1 ? 'letter' : 'letters'}`] : []),
    ...(holds > 0 ? [`${holds} held ${holds === 1 ? 'deletion' : 'deletions'}`] : []),
  ];
  if (waiting.length > 0) return { inStep: false, summary: `Not in step: ${waiting.join(' and ')} wait for a person.` };
  if (running.length > 0) return { inStep: true, summary: 'Assets are being brought in step with their projects.' };
  return { inStep: true, summary: 'Assets and projects are in step.' };
}
