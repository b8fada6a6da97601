import { setMaxListeners } from 'node:events';
import type { Firestore } from 'firebase-admin/firestore';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/defineConfig.ts';
import type { ControlReader } from '../control/control.ts';
import { untilRelayResumed, watchRelayPause } from '../control/relayPause.ts';
import { isTransientCall } from '../grpc.ts';
import { errorText, type Log } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import type { ProjectsSource } from '../source/connect.ts';
import { aborted, untilAborted, within } from '../waiting.ts';
import { type Checkpointer, createCheckpointer } from './checkpointer.ts';
import { type RelayContext, trying } from './context.ts';
import { createEnding, type End, type Ending } from './ending.ts';
import { createFieldLookup } from './fieldLookup.ts';
import { type Following, follow } from './follow.ts';
import { type Standby, waitForLease } from './lease.ts';
import { closingMs, type RelayLimits } from './limits.ts';
import type { Count } from './ordinals.ts';
import { createOutbox, type Outbox, type ReadPosition } from './outbox.ts';
import { placeTime } from './place.ts';
import { createPublishWindow } from './publishWindow.ts';
import { createReconciliationRequests } from './reconciliationRequests.ts';
import { type Checkpoint, relayRecordRef } from './relayRecord.ts';
import { enterLayout } from './shards/enterLayout.ts';
import { type Shard, wholeShard } from './shards/shard.ts';
import { withAllShards } from './shards/withAllShards.ts';
import { createRelayHealth, logStatus, type RelayHealth } from './status/health.ts';
import { type MinuteObserver, startMinutes } from './status/minutes.ts';

export interface RelayOptions {
  readonly source: ProjectsSource;
  readonly firestore: Firestore;
  readonly config: Config;
  readonly publishers: {
    readonly events: Publisher;
    readonly deadLetters: Publisher;
    readonly reconciliationRequests: Publisher;
  };
  readonly clock: Clock;
  /** Random numbers from 0 (inclusive) to 1, for the pauses between retries. */
  readonly random: () => number;
  readonly log: Log;
  readonly limits: RelayLimits;
  /** Which shard it follows. Of how many is decided by the first one, in the records: the others follow what those say,
   *  so relays that were told different numbers leave nothing out. Default: all projects. */
  readonly shard?: Shard;
  /** Names this run; no two runs may have the same name. */
  readonly holder: string;
  /** How long the run may take in all, in ms; undefined: until the signal. */
  readonly budgetMs?: number;
  /** How long it may take at the very most, in ms: only while MongoDB has not given its first answer. Default: the
   *  budget. */
  readonly latestMs?: number;
  /** Ends the run: within 2 s everything on its way is published or left to the next run, the checkpoint saved and the
   *  lease given back. */
  readonly signal: AbortSignal;
  /** Reports what happens, for whoever wants to look. */
  readonly health?: RelayHealth;
  /** Says whether the relay is paused. Default: it never is. */
  readonly control?: ControlReader;
  /** Called after every minute while it leads, by the first shard for all. It delays nothing, and its failure is
   *  only logged. */
  readonly onMinute?: MinuteObserver;
}

/** What a run has done. */
export interface RelayProgress {
  readonly published: number;
  readonly deadLettered: number;
  /** Changes that were read and not published: the next run reads them again, and those behind them. */
  readonly unpublished: number;
  /** The checkpoint as it was saved last; null if this run saved none. */
  readonly lastCheckpoint: { readonly checkpoint: Checkpoint; readonly at: number } | null;
}

/** How a run ended. */
export type RelayOutcome = RelayProgress &
  (
    | { readonly kind: 'budget-spent' }
    | { readonly kind: 'stopped' }
    /** A person (`by`) has paused the relay; the checkpoint stays where it is. */
    | { readonly kind: 'paused'; readonly by: string }
    /** Another relay (`heldBy`) held the lease all the time; null: or there is no such shard. */
    | { readonly kind: 'not-needed'; readonly heldBy: string | null }
    /** Another relay (`takenBy`; null: the record was removed) has the lease now. The checkpoint is where that relay
     *  wants it. */
    | { readonly kind: 'lease-lost'; readonly takenBy: string | null }
    /** MongoDB has not answered for too long (`error` says how). The lease was given up, so that another relay may
     *  try. */
    | { readonly kind: 'stalled'; readonly error: unknown }
  );

/** A run that could not do its work. The checkpoint is intact: the next run goes on where this one should have. */
export class RelayError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RelayError';
  }
}

const nothingDone: RelayProgress = { published: 0, deadLettered: 0, unpublished: 0, lastCheckpoint: null };

/** Tails the change stream of the projects and publishes an event for every change that copies or assets depend on, at
 *  least once each. Any number of relays may run; the one that holds the lease works, the others stand by. With shards
 *  each has its own lease and place, and publishes its share, with the versions that one relay would give.
 *  @throws RelayError when events could not be published within the budget, or the last checkpoint could not be saved;
 *  RelayRecordError; what MongoDB or Firestore answer when no retry helps, or when the budget ended before it
 *  passed. */
export async function runRelay(options: RelayOptions): Promise<RelayOutcome> {
  const { clock, limits, budgetMs, latestMs, signal, holder, shard = wholeShard } = options;
  const health = options.health ?? createRelayHealth(clock);
  // What closing down may take is part of the budget.
  const tailing = (ms: number | undefined) => (ms === undefined ? undefined : Math.max(0, ms - closingMs(limits)));
  const ending = createEnding(clock, { budgetMs: tailing(budgetMs), latestMs: tailing(latestMs) }, signal);
  try {
    health.enter('standing-by');
    const { control, log } = options;
    const paused = control && (await untilRelayResumed({ clock, log, control }, ending.signal));
    if (paused !== undefined && !signal.aborted) return { kind: 'paused', by: paused.by, ...nothingDone };
    const ref = relayRecordRef(options.firestore, options.config.source, shard.number);
    const standby = await waitForLease(ref, holder, options, ending.signal, shard.number === 1);
    if (standby.kind === 'absent') {
      log.info('there is no such shard of the relay: RELAY_SHARDS of the first one decides', { shard: shard.number });
      return { kind: 'not-needed', heldBy: null, ...nothingDone };
    }
    if (standby.kind === 'ended') {
      return signal.aborted
        ? { kind: 'stopped', ...nothingDone }
        : { kind: 'not-needed', heldBy: standby.heldBy, ...nothingDone };
    }
    const entered = shard.number === 1 ? await tryToEnter(options, standby, shard.of, ending.signal) : standby;
    if (entered === undefined) return { kind: signal.aborted ? 'stopped' : 'budget-spent', ...nothingDone };
    if (entered.kind === 'lost') {
      return { kind: 'lease-lost', takenBy: entered.lease?.holder ?? null, ...nothingDone };
    }
    const own = { number: shard.number, of: entered.record.shards };
    log.info('the relay has the lease', {
      holder,
      fencing: entered.record.lease.fencing,
      ...(own.of > 1 && { shard: own.number, shards: own.of }),
    });
    return await lead(options, own, entered, ending, health);
  } finally {
    health.watch(null);
    health.enter('ended');
    ending.dispose();
  }
}

/** Makes the records those of so many shards; undefined when the signal came first. A lease that was taken runs out by
 *  itself then. */
async function tryToEnter(
  options: RelayOptions,
  standby: Extract<Standby, { kind: 'taken' }>,
  of: number,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof enterLayout>> | undefined> {
  const { firestore, source, config, clock, limits, log } = options;
  const entering = { firestore, client: source.client, source: config.source, clock, limits, log };
  const trial = {
    what: 'the records of the shards could not be read or written',
    run: () => enterLayout(entering, standby, of),
    isTransient: isTransientCall,
  };
  const tried = await untilAborted(trying(trial, options, signal), signal);
  if (tried === aborted) return undefined;
  if (tried.kind === 'refused') throw tried.error;
  return tried.kind === 'done' ? tried.value : undefined;
}

/** The run of a relay that holds the lease. */
async function lead(
  options: RelayOptions,
  shard: Shard,
  { record, writeTime }: Extract<Standby, { kind: 'taken' }>,
  ending: Ending,
  health: RelayHealth,
): Promise<RelayOutcome> {
  const { clock, limits, log, random, publishers, source, config } = options;
  const context: RelayContext = { clock, random, limits, log };
  const giveUp = new AbortController();
  setMaxListeners(0, giveUp.signal);
  const window = createPublishWindow<ReadPosition>(limits);
  const checkpointer = createCheckpointer({
    ref: relayRecordRef(options.firestore, config.source, shard.number),
    clock,
    limits,
    log,
    record,
    writeTime,
    published: window.published,
    status() {
      const { lagMs, inFlight } = health.status();
      return { lagMs, inFlight };
    },
    onLost(lease) {
      const { holder } = options;
      const fields = { holder, takenBy: lease?.holder ?? null, fencing: lease?.fencing ?? null };
      if (lease !== null && lease.holder === null) {
        log.info('the lease was taken back by a person; this relay stops, and the next run begins', fields);
      } else if (lease === null && shard.number > 1) {
        log.info('there are fewer shards of the relay now; this one stops', { ...fields, shard: shard.number });
      } else {
        const said =
          'another relay has taken the lease; this one stops, and what it published since is published twice';
        log.alarm('lease-lost', said, fields);
      }
      ending.end({ kind: 'lease-lost', takenBy: lease?.holder ?? null });
      giveUp.abort();
    },
    onFailed: (error) => ending.end({ kind: 'failed', error }),
  });
  const requests = createReconciliationRequests(
    publishers.reconciliationRequests,
    checkpointer,
    ending,
    context,
    giveUp.signal,
  );
  const outbox = createOutbox({
    source: config.source,
    shard,
    publishers,
    window,
    lookup: createFieldLookup(source, limits.commandMs),
    context,
    ending,
    giveUp: giveUp.signal,
    mayPublish: checkpointer.holdsLease,
    onOverflow: onceATransaction(() => requests.ask('transaction-too-large')),
  });
  health.watch({
    lease: checkpointer.lease,
    lastCheckpointAt: () => checkpointer.saved().at,
    inFlight: window.unpublished,
    published: outbox.published,
    deadLettered: outbox.deadLettered,
    oldestUnpublishedAt: () => window.oldest()?.committedAt,
  });
  const upTo = placeTime(record) ?? clock.now();
  health.readUpTo(upTo);
  const stalledRuns = record.runsWithoutProgress - 1;
  if (stalledRuns >= limits.maxRunsWithoutProgress) {
    log.alarm('no-progress', 'runs of the relay end without moving its place', { runs: stalledRuns, placeAt: upTo });
  }
  const stopStatus = logStatus(health, clock, log, shard.of > 1 ? { shard: shard.number } : {});
  const { onMinute } = options;
  const stopMinutes =
    onMinute && shard.number === 1
      ? startMinutes({
          observe: shard.of === 1 ? onMinute : withAllShards(onMinute, { ...options, log }),
          health,
          clock,
          log,
          holdsLease: checkpointer.holdsLease,
          seenBefore: record.checkpointAt,
        })
      : () => {};
  const following: Following = {
    source,
    config: config.source,
    shard,
    requests,
    reading: {
      outbox,
      window,
      checkpointer,
      ending,
      health,
      context,
      position: { ...record.checkpoint, committedAt: upTo },
      awaitsCollection: false,
    },
  };
  requests.askIfPending();
  checkpointer.start();
  const stopWatching =
    options.control &&
    watchRelayPause(
      { clock, log, control: options.control },
      ({ by }) => ending.end({ kind: 'paused', by }),
      (error) => ending.end({ kind: 'failed', error }),
    );
  try {
    await follow(following);
  } catch (error) {
    ending.end({ kind: 'failed', error });
  } finally {
    stopWatching?.();
    stopStatus();
    stopMinutes();
  }
  health.enter('closing');
  checkpointer.stop();
  const why = ending.why() ?? { kind: 'stopped' };
  await drain(options, () => Promise.all([window.emptied(), requests.settled()]), giveUp.signal);
  giveUp.abort();
  const progress = () => progressOf(outbox, checkpointer, window.unpublished());
  return close(why, checkpointer, options, outbox, progress);
}

/** Waits a moment for what is on its way to Pub/Sub. */
async function drain(
  { clock, limits, log, publishers }: RelayOptions,
  emptied: () => Promise<unknown>,
  giveUp: AbortSignal,
): Promise<void> {
  if (giveUp.aborted) return;
  for (const publisher of Object.values(publishers)) {
    publisher.flush().catch((error) => {
      // Every message that fails says so itself, and is tried again or left to the next run.
      log.warn('a topic could not be flushed', { error: errorText(error) });
    });
  }
  await within(clock, limits.drainMs, emptied());
}

async function close(
  why: End,
  checkpointer: Checkpointer,
  { clock, limits, log, holder }: RelayOptions,
  outbox: Outbox,
  progress: () => RelayProgress,
): Promise<RelayOutcome> {
  if (why.kind === 'lease-lost') return { ...why, ...progress() };
  const released = await release(checkpointer, clock, limits);
  if (why.kind === 'failed') {
    if (released.kind === 'unknown') {
      log.error('the lease could not be given back; it runs out by itself', {
        holder,
        error: errorText(released.error),
      });
    }
    throw why.error;
  }
  if (released.kind === 'unknown') {
    throw new RelayError(
      'the relay ended without saving its last checkpoint; the next run publishes some events again',
      {
        cause: released.error,
      },
    );
  }
  if (released.kind === 'lost') return { kind: 'lease-lost', takenBy: released.lease?.holder ?? null, ...progress() };
  const { unpublished } = progress();
  if (why.kind === 'budget-spent' && unpublished > 0 && outbox.lastError() !== undefined) {
    throw new RelayError(`${unpublished} events could not be published before the end; the next run publishes them`, {
      cause: outbox.lastError(),
    });
  }
  log.info('the relay has given back the lease', { holder, end: why.kind, unpublished });
  return { ...why, ...progress() };
}

async function release(checkpointer: Checkpointer, clock: Clock, limits: RelayLimits) {
  try {
    const releasing = checkpointer.release();
    if (await within(clock, limits.lastCheckpointMs, releasing)) return await releasing;
    return {
      kind: 'unknown' as const,
      error: new Error(`Firestore did not answer within ${limits.lastCheckpointMs} ms`),
    };
  } catch (error) {
    return { kind: 'unknown' as const, error };
  }
}

function progressOf(outbox: Outbox, checkpointer: Checkpointer, unpublished: number): RelayProgress {
  const { checkpoint, at } = checkpointer.saved();
  return {
    published: outbox.published(),
    deadLettered: outbox.deadLettered(),
    unpublished,
    lastCheckpoint: at === null ? null : { checkpoint, at },
  };
}

/** Calls `run` for the first overflowing change of each transaction. */
function onceATransaction(run: () => void): (count: Count) => void {
  let last: Count['time'] | undefined;
  return ({ time }) => {
    if (last?.seconds === time.seconds && last.increment === time.increment) return;
    last = time;
    run();
  };
}
