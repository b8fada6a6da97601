import { type Firestore, Timestamp } from 'firebase-admin/firestore';
import type { AlertingLog } from '../alerts/alertingLog.ts';
import { alertKey } from '../alerts/alertKey.ts';
import { alertRef } from '../alerts/alertRecord.ts';
import { type Clock, dayMs, minuteMs } from '../clock.ts';
import { type Config, recordCollections } from '../config/defineConfig.ts';
import type { Log, LogFields } from '../log.ts';
import type { MinuteObserver, RelayMinute } from '../relay/status/minutes.ts';
import { durations } from './durations.ts';
import { eventCount, type Measure } from './measure.ts';
import { type Parts, startOf } from './measureRecord.ts';
import { operationsOf } from './operations.ts';
import { endedReconciliations, type FinishedReconciliation } from './reconciliations.ts';
import { readBacklog, readWaiting, settledEvents } from './records.ts';
import { readLastMinutes, readParts } from './series.ts';
import { storeMinute } from './store.ts';
import { judgeTargets, type Target } from './targets.ts';
import { fewDeletions, unusualDeletions } from './unusual.ts';

export interface WatchDependencies {
  readonly firestore: Firestore;
  readonly clock: Clock;
  readonly config: Pick<Config, 'targets'>;
  /** Its alarms are alerts. */
  readonly log: Log;
  readonly alerts: Pick<AlertingLog, 'end' | 'look'>;
}

/** What is remembered from one minute to the next. Whatever is lost with a process is found in the records again. */
interface Memory {
  /** Until when minutes were measured; null before the first of this process. */
  measuredUpTo: number | null;
  /** Assets that the work under way had done a minute ago; null when that is not known. */
  processed: number | null;
  reconciliation: FinishedReconciliation | null;
  /** Keys of alerts that this watch ends, and that are open; null before they were read. */
  open: Set<string> | null;
  /** The hour whose deletions were called unusual. */
  unusualHour: number | null;
  /** Deletions of the hours before one. */
  usual: { readonly hourStart: number; readonly deletions: readonly number[] } | null;
}

/** The observer of one run of a relay: measures every minute, holds it against the targets, and looks after the alerts
 *  whose time has come. What fails in one part does not keep the others from being done.
 *
 *  Costs a minute without events: at most 12 reads and 3 writes; with events, one read more for each, 500 at most. */
export function createWatch(dependencies: WatchDependencies): MinuteObserver {
  const memory: Memory = {
    measuredUpTo: null,
    processed: null,
    reconciliation: null,
    open: null,
    unusualHour: null,
    usual: null,
  };
  return async (minute, signal) => {
    const parts = await Promise.allSettled([
      watchMinute(dependencies, memory, minute, signal),
      lookAfterAlerts(dependencies),
    ]);
    const failed = parts.find((part) => part.status === 'rejected');
    if (failed) throw failed.reason;
  };
}

async function watchMinute(
  dependencies: WatchDependencies,
  memory: Memory,
  minute: RelayMinute,
  signal: AbortSignal,
): Promise<void> {
  const { firestore, config } = dependencies;
  const { start } = minute;
  memory.open ??= await readOpen(firestore);
  const before = await readLastMinutes(firestore, start, minutesJudged - 1);
  const { measure, reconciliations, processed, last } = await measureMinute(
    dependencies,
    memory,
    minute,
    before.at(-1) ?? null,
  );
  signal.throwIfAborted();
  const hour = await storeMinute(firestore, start, measure);
  // Only now: what a minute saw that could not be kept is news to the next one.
  memory.measuredUpTo = start + minuteMs;
  memory.processed = processed;
  memory.reconciliation = last;
  for (const target of judgeTargets([...before, measure], config.targets)) judged(dependencies, memory.open, target);
  for (const reconciliation of reconciliations) reconciled(dependencies, memory.open, reconciliation);
  await judgeDeletions(dependencies, memory, start, hour);
}

/** Targets are judged by an hour. */
const minutesJudged = 60;

/** A minute, with what is to be remembered of it. */
interface Measured {
  readonly measure: Measure;
  /** Those that ended since the minute before, in their order. */
  readonly reconciliations: readonly FinishedReconciliation[];
  readonly processed: number;
  readonly last: FinishedReconciliation | null;
}

async function measureMinute(
  { firestore, config }: WatchDependencies,
  memory: Readonly<Memory>,
  { start, relay, seenBefore }: RelayMinute,
  before: Measure | null,
): Promise<Measured> {
  const end = start + minuteMs;
  const seenUpTo = memory.measuredUpTo ?? seenBefore ?? start;
  const [settled, work, waiting, { last, news: reconciliations }] = await Promise.all([
    settledEvents(firestore, start),
    readBacklog(firestore, end),
    readWaiting(firestore),
    endedReconciliations(firestore, memory.reconciliation, Math.min(seenUpTo, start)),
  ]);
  const sum = (of: 'reads' | 'assets') => reconciliations.reduce((total, { [of]: count }) => total + count, 0);
  const moved = eventCount(settled) > 0 || (memory.processed !== null && work.processed !== memory.processed);
  const backlog = work.jobs + relay.inFlight;
  const measure: Measure = {
    events: settled.events,
    assets: settled.updated + settled.deleted + sum('assets'),
    shown: settled.shown,
    relayLagMs: relay.lagMs,
    ...durations(
      { before, silentMs: Math.max(0, start - seenUpTo), relayLagMs: relay.lagMs, backlog, moved },
      config.targets,
    ),
    backlog,
    ...waiting,
    findings: reconciliations.length === 0 ? null : Math.max(...reconciliations.map(({ findings }) => findings)),
    ...operationsOf(settled, { reads: sum('reads'), assets: sum('assets') }),
  };
  return { measure, reconciliations, processed: work.processed, last };
}

/** The alarm of a target that is missed. */
function alarmOf({ name, goal, measured }: Target) {
  const fields: LogFields = { goal, measured };
  return name === 'progress'
    ? ({
        alarm: 'no-progress',
        message: 'work waits, and none of it is done',
        fields: { ...fields, what: 'sync' },
      } as const)
    : ({
        alarm: 'target-missed',
        message: `the target ${name} is missed`,
        fields: { ...fields, target: name },
      } as const);
}

function judged({ log, alerts }: WatchDependencies, open: Set<string>, target: Target): void {
  const { alarm, message, fields } = alarmOf(target);
  settle({ alerts }, open, alertKey(alarm, fields), target.met, () => log.alarm(alarm, message, fields));
}

function reconciled(
  { log, alerts }: WatchDependencies,
  open: Set<string>,
  { findings, isOverAll, jobId, mode }: FinishedReconciliation,
): void {
  if (findings === 0 && !isOverAll) return;
  settle({ alerts }, open, 'drift-found', findings === 0, () =>
    log.alarm('drift-found', 'a reconciliation has found assets that are not in step', { jobId, mode, findings }),
  );
}

/** Raises an alert, or ends it where it is open. */
function settle(
  { alerts }: Pick<WatchDependencies, 'alerts'>,
  open: Set<string>,
  key: string,
  isWell: boolean,
  raise: () => void,
): void {
  if (!isWell) {
    open.add(key);
    raise();
  } else if (open.delete(key)) {
    alerts.end(key);
  }
}

/** Alerts that a watch ends. */
const ownKeys = [
  alertKey('target-missed', { target: 'commit-to-shown' }),
  alertKey('target-missed', { target: 'relay-lag' }),
  alertKey('target-missed', { target: 'recovery' }),
  alertKey('no-progress', { what: 'sync' }),
  alertKey('drift-found', {}),
];

/** Those that an earlier process has raised. Costs one read for each key, once in a process. */
async function readOpen(firestore: Firestore): Promise<Set<string>> {
  const snapshots = await firestore.getAll(...ownKeys.map((key) => alertRef(firestore, key)));
  return new Set(ownKeys.filter((_, index) => (snapshots[index]?.get('state') ?? 'closed') !== 'closed'));
}

/** Days whose hours say what is usual. */
const daysBefore = 7;

/** Compares the deletions of an hour with those before, where they are more than a few: only then the past is read, one
 *  document a day, once in an hour. */
async function judgeDeletions({ firestore, log }: WatchDependencies, memory: Memory, start: number, minutes: Parts) {
  const hourStart = startOf('hour', start);
  const deletions = [...minutes.values()].reduce((sum, { events }) => sum + events.deleted, 0);
  if (deletions <= fewDeletions || memory.unusualHour === hourStart) return;
  if (memory.usual?.hourStart !== hourStart) {
    memory.usual = { hourStart, deletions: await deletionsBefore(firestore, hourStart) };
  }
  const unusual = unusualDeletions(deletions, memory.usual.deletions);
  if (unusual === null) return;
  memory.unusualHour = hourStart;
  log.alarm('deletions-unusual', 'far more projects were deleted within the hour than usual', { ...unusual });
}

async function deletionsBefore(firestore: Firestore, hourStart: number): Promise<readonly number[]> {
  const days = Array.from({ length: daysBefore + 1 }, (_, index) => hourStart - index * dayMs);
  const hours = [...(await readParts(firestore, 'day', days))].filter(([at]) => at < hourStart);
  return hours.map(([, { events }]) => events.deleted);
}

/** Alerts that are looked after at once; the others come the next minute. */
const mostAlerts = 50;

/** Asks for what has become due by time: escalations, and what a person has decided. Costs one read when there is
 *  nothing. */
async function lookAfterAlerts({ firestore, clock, alerts }: WatchDependencies): Promise<void> {
  const due = await firestore
    .collection(recordCollections.alerts)
    .where('lookAt', '<=', Timestamp.fromMillis(clock.now()))
    .select('key')
    .limit(mostAlerts)
    .get();
  for (const document of due.docs) {
    const key: unknown = document.get('key');
    if (typeof key === 'string') alerts.look(key);
  }
}
