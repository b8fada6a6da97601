import { secondMs } from '../clock.ts';
import type { Config } from '../config/defineConfig.ts';
import type { ClusterTime } from '../events/version.ts';
import { isTransientCall } from '../grpc.ts';
import { errorText } from '../log.ts';
import type { ProjectsSource } from '../source/connect.ts';
import { isRefusedBySource, sourceErrorKind } from '../source/sourceErrors.ts';
import { aborted, backoffMs, slept, untilAborted, within } from '../waiting.ts';
import { openStream, probeStream, readOperationTime } from './changeStream/open.ts';
import type { ChangeDetail } from './changeStream/pipeline.ts';
import { type RelayContext, trying } from './context.ts';
import type { FencedWrite } from './lease.ts';
import { clusterTimeAt } from './place.ts';
import { type OpenedStream, type Reading, readStream } from './readStream.ts';
import type { ReconciliationRequests } from './reconciliationRequests.ts';
import type { ReconciliationReason, Rewind } from './relayRecord.ts';
import { oldestPlace, oplogReaches } from './rewind.ts';
import type { Shard } from './shards/shard.ts';
import { checkSource } from './sourceCheck.ts';

/** The life of the stream. Each state knows which comes next; errors of MongoDB lead to another state, or are
 *  thrown. */
type StreamState =
  /** Forget the position: start from the server's present time, with a reconciliation for what happened before. */
  | { readonly name: 'starting-over'; readonly reason: ReconciliationReason; readonly error?: unknown }
  /** A person wants it to begin earlier. */
  | { readonly name: 'rewinding'; readonly rewind: Rewind }
  /** With less than full detail, one change is read that could not be read with more, for the reason `problem`. */
  | { readonly name: 'opening'; readonly detail: ChangeDetail; readonly problem?: unknown }
  | { readonly name: 'reading'; readonly opened: OpenedStream }
  /** `isSilent`: the connection is not to be used again. */
  | { readonly name: 'retrying'; readonly error: unknown; readonly isSilent: boolean }
  | { readonly name: 'ended' };

/** What following the stream works with. */
export interface Following {
  readonly source: ProjectsSource;
  readonly config: Config['source'];
  readonly shard: Shard;
  readonly reading: Reading;
  readonly requests: ReconciliationRequests;
}

/** What went wrong since MongoDB answered last; undefined while all is well. */
interface Trouble {
  readonly error: unknown;
  readonly failures: number;
  readonly since: number;
  readonly alarmed: boolean;
}

/** Follows the change stream from the checkpoint until the run ends.
 *  @throws the last error of MongoDB if it could not be reached when the budget was spent, or one that no retry helps;
 *  SourceChangedError. */
export async function follow(following: Following): Promise<void> {
  const { reading, config } = following;
  const { context, ending, health } = reading;
  const connections = createConnections(following.source, context);
  let trouble: Trouble | undefined;
  const onAnswer = () => {
    if (trouble) context.log.info('the change stream is back', { failures: trouble.failures });
    trouble = undefined;
  };
  const next = async (state: Exclude<StreamState, { name: 'ended' }>): Promise<StreamState> => {
    switch (state.name) {
      case 'starting-over':
        return startOver(state, { ...following, source: connections.current() });
      case 'rewinding':
        return goBack(state.rewind, { ...following, source: connections.current() });
      case 'opening': {
        const { detail, problem } = state;
        const source = connections.current();
        // A server that does not answer must not hold up the end.
        if ((await untilAborted(checkSource(source, reading), ending.signal)) === aborted) return { name: 'ended' };
        const now = () => readOperationTime(source.client, context.limits.commandMs);
        const upTo = detail === 'full' ? null : await untilAborted(now(), ending.signal);
        if (upTo === aborted) return { name: 'ended' };
        const stream = openStream(source, config, reading.position, context.limits, detail, following.shard);
        return { name: 'reading', opened: { stream, source, detail, less: upTo && { problem, upTo } } };
      }
      case 'reading':
        return readToEnd(state.opened, following, onAnswer);
      case 'retrying':
        trouble = moreTrouble(trouble, state.error, context);
        if (context.clock.now() - trouble.since >= context.limits.stalledMs) {
          ending.end({ kind: 'stalled', error: state.error });
          return { name: 'ended' };
        }
        await slept(context.clock, backoffMs(trouble.failures, context.limits.backoff, context.random), ending.signal);
        if (state.isSilent) await untilAborted(connections.renew(), ending.signal);
        return begin(reading);
    }
  };
  let state = begin(reading);
  try {
    while (state.name !== 'ended' && !ending.signal.aborted) {
      health.enter(state.name);
      try {
        state = await next(state);
      } catch (error) {
        state = afterError(state, error);
      }
    }
  } finally {
    await within(context.clock, context.limits.closeStreamMs, connections.close());
  }
  // A run that ends while MongoDB is unavailable has not done its work, and says so.
  if (trouble && ending.why()?.kind === 'budget-spent') throw trouble.error;
}

/** The connections to MongoDB that the stream is read over: the given ones until they went silent, then some of its
 *  own. */
function createConnections(given: ProjectsSource, { log }: RelayContext) {
  let own: ProjectsSource | undefined;
  let isClosed = false;
  const closeOwn = async () => {
    const closing = own;
    own = undefined;
    await closing?.close();
  };
  return {
    current: () => own ?? given,
    /** @throws SourceError */
    async renew(): Promise<void> {
      const fresh = await given.again();
      closeOwn().catch((error: unknown) => {
        log.warn('silent connections to MongoDB could not be closed', { error: errorText(error) });
      });
      own = fresh;
      // The run ended while this was connecting.
      if (isClosed) await closeOwn();
    },
    close() {
      isClosed = true;
      return closeOwn();
    },
  };
}

/** Where there is no position, one has to be saved before the stream is opened, and what happened before it be asked
 *  for: also when MongoDB has failed at just that. A stream that is opened without a place begins anywhere, and nobody
 *  would know what it has missed. */
function begin({ position: { token, startAt }, checkpointer }: Reading): StreamState {
  const rewind = checkpointer.rewind();
  if (rewind !== null) return { name: 'rewinding', rewind };
  const isKnown = token !== null || startAt !== null;
  return isKnown ? { name: 'opening', detail: 'full' } : { name: 'starting-over', reason: 'first-start' };
}

function afterError(state: StreamState, error: unknown): StreamState {
  switch (sourceErrorKind(error)) {
    case 'history-lost':
      return { name: 'starting-over', reason: 'history-lost', error };
    case 'passing':
      return { name: 'retrying', error, isSilent: state.name === 'retrying' && state.isSilent };
    case 'permanent': {
      const detail = state.name === 'reading' && !isRefusedBySource(error) ? lessThan[state.opened.detail] : undefined;
      if (state.name !== 'reading' || detail === undefined) throw error;
      return { name: 'opening', detail, problem: state.opened.less?.problem ?? error };
    }
  }
}

/** A change that MongoDB cannot send, or the driver cannot read (over 16 MB, a value that an expression of the pipeline
 *  or BSON refuses), is read with less of it. */
const lessThan: Readonly<Record<ChangeDetail, ChangeDetail | undefined>> = {
  full: 'key',
  key: 'none',
  none: undefined,
};

async function readToEnd(
  opened: OpenedStream,
  { reading, requests, shard }: Following,
  onAnswer: () => void,
): Promise<StreamState> {
  const { clock, limits, log } = reading.context;
  try {
    const end = await readStream(opened, reading, onAnswer);
    switch (end.kind) {
      case 'ended':
        return { name: 'ended' };
      case 'closed':
        return { name: 'retrying', error: new Error('MongoDB closed the change stream'), isSilent: false };
      case 'silent':
        return {
          name: 'retrying',
          error: new Error(`MongoDB has not answered on the change stream for ${end.forMs} ms`),
          isSilent: true,
        };
      case 'one-read':
        // There is no change that could be the reason.
        if (!end.found) throw opened.less?.problem;
        return { name: 'opening', detail: 'full' };
      case 'invalidated':
        log.alarm(
          'source-invalidated',
          'the collection of projects was dropped, renamed or replaced; nothing is deleted',
          {
            because: end.because,
          },
        );
        // All shards read it, and one reconciliation compares all projects.
        if (shard.number === 1) requests.ask('source-invalidated');
        return { name: 'opening', detail: 'full' };
    }
  } finally {
    // The server forgets a cursor by itself; a connection that hangs must not hold up the end.
    await within(clock, limits.closeStreamMs, opened.stream.close());
  }
}

/** Counts a failure, and calls an operator once when MongoDB stays unavailable. */
function moreTrouble(before: Trouble | undefined, error: unknown, { clock, limits, log }: RelayContext): Trouble {
  const failures = (before?.failures ?? 0) + 1;
  const since = before?.since ?? clock.now();
  const forMs = clock.now() - since;
  log.warn('the change stream broke; it is opened again where it was', { failures, error: errorText(error) });
  const alarming = before?.alarmed !== true && forMs >= limits.unreachableAlarmMs;
  if (alarming) {
    log.alarm('source-unreachable', 'MongoDB has not answered for too long; changes wait there', {
      forMs,
      error: errorText(error),
    });
  }
  return { error, failures, since, alarmed: alarming || before?.alarmed === true };
}

async function goBack(rewind: Rewind, { source, config, reading }: Following): Promise<StreamState> {
  const { checkpointer, context, ending, window } = reading;
  const { clock, limits, log } = context;
  const { to, by } = rewind;
  const fields = { to: new Date(to).toISOString(), by };
  const reaches = (at: ClusterTime) => oplogReaches(source, config, at, { clock, limits });
  const startAt = clusterTimeAt(to);
  const isThere = await untilAborted(reaches(startAt), ending.signal);
  if (isThere === aborted) return { name: 'ended' };
  if (!isThere) {
    const search = async () => {
      const { seconds } = await readOperationTime(source.client, limits.commandMs);
      return oldestPlace(reaches, to, seconds * secondMs);
    };
    const oldest = await untilAborted(search(), ending.signal);
    if (oldest === aborted) return { name: 'ended' };
    log.alarm('rewind-refused', 'the relay was to go back beyond the oplog; it goes on from where it was', {
      ...fields,
      oldest: oldest === null ? null : new Date(oldest).toISOString(),
    });
    checkpointer.refuseRewind();
    return keep('the refusal of a rewind could not be saved', checkpointer.write, reading);
  }
  if ((await untilAborted(window.emptied(), ending.signal)) === aborted) return { name: 'ended' };
  // Without a last count, the first change of a cluster time is counted from zero again, as it was.
  const checkpoint = { token: null, startAt, last: null, source: reading.position.source };
  const restart = () => checkpointer.restart(checkpoint, checkpointer.pending());
  const next = await keep('the place after a rewind could not be saved', restart, reading);
  if (next.name === 'ended') return next;
  reading.position = { ...checkpoint, committedAt: to };
  reading.health.readUpTo(to);
  log.info('the relay has gone back', fields);
  return next;
}

/** Writes the record until it is written, and opens the stream then. */
async function keep(
  what: string,
  run: () => Promise<FencedWrite>,
  { context, ending }: Reading,
): Promise<Extract<StreamState, { name: 'opening' | 'ended' }>> {
  const tried = await trying({ what, run, isTransient: isTransientCall }, context, ending.signal);
  if (tried.kind === 'refused') throw tried.error;
  if (tried.kind === 'given-up' || tried.value.kind === 'lost') return { name: 'ended' };
  return { name: 'opening', detail: 'full' };
}

async function startOver(
  { reason, error }: Extract<StreamState, { name: 'starting-over' }>,
  { source, config, requests, reading }: Following,
): Promise<StreamState> {
  const { checkpointer, context, ending, window } = reading;
  // The position of a change that is still on its way would otherwise bring the lost place back.
  if ((await untilAborted(window.emptied(), ending.signal)) === aborted) return { name: 'ended' };
  const startAt = await untilAborted(readOperationTime(source.client, context.limits.commandMs), ending.signal);
  if (startAt === aborted) return { name: 'ended' };
  if (reason === 'history-lost') {
    const probe = () => probeStream(source, config, startAt, context.limits);
    if ((await untilAborted(proven(probe, error), ending.signal)) === aborted) return { name: 'ended' };
    context.log.alarm(
      'history-lost',
      'MongoDB no longer has the changes since the checkpoint; going on from now, with a reconciliation',
      { lastCheckpointAt: checkpointer.saved().at, error: errorText(error) },
    );
  }
  const checkpoint = { token: null, startAt, last: reading.position.last, source: reading.position.source };
  const pending = { reason, at: context.clock.now() };
  const restart = () => checkpointer.restart(checkpoint, pending);
  const next = await keep('the new starting point could not be saved', restart, reading);
  if (next.name === 'ended') return next;
  reading.position = { ...checkpoint, committedAt: reading.health.sourceNow() };
  requests.askIfPending();
  return next;
}

/** If even a stream from now cannot be opened for the same kind of error, the place to start at is not what is
 *  wrong. */
async function proven(probe: () => Promise<void>, original: unknown): Promise<void> {
  try {
    await probe();
  } catch (error) {
    if (sourceErrorKind(error) !== 'history-lost') throw error;
    throw new Error(`the change stream cannot be opened at any point: ${errorText(error)}`, { cause: original });
  }
}
