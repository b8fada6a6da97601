import type { Config } from '../config/defineConfig.ts';
import { isTransientCall } from '../grpc.ts';
import { errorText } from '../log.ts';
import type { ProjectsSource } from '../source/connect.ts';
import { sourceErrorKind } from '../source/sourceErrors.ts';
import { aborted, backoffMs, slept, untilAborted, within } from '../waiting.ts';
import { openStream, type ProjectStream, probeStream, readOperationTime } from './changeStream/open.ts';
import { type RelayContext, trying } from './context.ts';
import { type Reading, readStream } from './readStream.ts';
import type { ReconciliationRequests } from './reconciliationRequests.ts';
import type { ReconciliationReason } from './relayRecord.ts';

/** The life of the stream. Each state knows which comes next; errors of MongoDB lead to `retrying` or `starting-over`, or are thrown. */
type StreamState =
  /** Forget the position: start from the server's present time, with a reconciliation for what happened before. */
  | { readonly name: 'starting-over'; readonly reason: ReconciliationReason; readonly error?: unknown }
  | { readonly name: 'opening' }
  | { readonly name: 'reading'; readonly stream: ProjectStream }
  | { readonly name: 'retrying'; readonly error: unknown }
  | { readonly name: 'ended' };

/** What following the stream works with. */
export interface Following {
  readonly source: ProjectsSource;
  readonly config: Config['source'];
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
 *  @throws the last error of MongoDB if it could not be reached when the budget was spent, or one that no retry mends. */
export async function follow(following: Following): Promise<void> {
  const { reading } = following;
  const { context, ending, health } = reading;
  let trouble: Trouble | undefined;
  const onAnswer = () => {
    if (trouble) context.log.info('The change stream is back.', { failures: trouble.failures });
    trouble = undefined;
  };
  const next = async (state: Exclude<StreamState, { name: 'ended' }>): Promise<StreamState> => {
    switch (state.name) {
      case 'starting-over':
        return startOver(state, following);
      case 'opening':
        return {
          name: 'reading',
          stream: openStream(following.source, following.config, reading.position, context.limits),
        };
      case 'reading':
        return readToEnd(state.stream, reading, onAnswer);
      case 'retrying':
        trouble = moreTrouble(trouble, state.error, context);
        await slept(context.clock, backoffMs(trouble.failures, context.limits.backoff, context.random), ending.signal);
        return begin(reading);
    }
  };
  let state = begin(reading);
  while (state.name !== 'ended' && !ending.signal.aborted) {
    health.enter(state.name);
    try {
      state = await next(state);
    } catch (error) {
      state = afterError(error);
    }
  }
  // A run that ends while MongoDB is away has not done its work, and says so.
  if (trouble && ending.why()?.kind === 'budget-spent') throw trouble.error;
}

/** Where there is no position, one has to be saved before the stream is opened, and what happened before it be asked for: also when MongoDB has failed at
 *  just that. A stream that is opened without a place begins anywhere, and nobody would know what it has missed. */
function begin({ position: { token, startAt } }: Reading): StreamState {
  const isKnown = token !== null || startAt !== null;
  return isKnown ? { name: 'opening' } : { name: 'starting-over', reason: 'first-start' };
}

function afterError(error: unknown): StreamState {
  switch (sourceErrorKind(error)) {
    case 'history-lost':
      return { name: 'starting-over', reason: 'history-lost', error };
    case 'passing':
      return { name: 'retrying', error };
    case 'permanent':
      throw error;
  }
}

async function readToEnd(stream: ProjectStream, reading: Reading, onAnswer: () => void): Promise<StreamState> {
  const { clock, limits, log } = reading.context;
  try {
    const end = await readStream(stream, reading, onAnswer);
    switch (end.kind) {
      case 'ended':
        return { name: 'ended' };
      case 'closed':
        return { name: 'retrying', error: new Error('MongoDB closed the change stream') };
      case 'invalidated':
        log.alarm(
          'source-invalidated',
          'The collection of projects was dropped or renamed. Nothing is deleted because of it; the stream goes on with the collection of that name.',
          { because: end.because },
        );
        return { name: 'opening' };
    }
  } finally {
    // The server forgets a cursor by itself; a connection that hangs must not hold up the end.
    await within(clock, limits.closeStreamMs, stream.close());
  }
}

/** Counts a failure, and calls an operator once when MongoDB stays away. */
function moreTrouble(before: Trouble | undefined, error: unknown, { clock, limits, log }: RelayContext): Trouble {
  const failures = (before?.failures ?? 0) + 1;
  const since = before?.since ?? clock.now();
  const forMs = clock.now() - since;
  log.warn('The change stream broke; it is opened again where it was.', { failures, error: errorText(error) });
  const alarming = before?.alarmed !== true && forMs >= limits.unreachableAlarmMs;
  if (alarming) {
    log.alarm(
      'source-unreachable',
      'MongoDB has not answered for too long. Changes wait there; none is lost while its oplog keeps them.',
      { forMs, error: errorText(error) },
    );
  }
  return { error, failures, since, alarmed: alarming || before?.alarmed === true };
}

async function startOver(
  { reason, error }: Extract<StreamState, { name: 'starting-over' }>,
  { source, config, requests, reading }: Following,
): Promise<StreamState> {
  const { checkpointer, context, ending, window } = reading;
  // The position of a change that is still on its way would otherwise bring the lost place back.
  if ((await untilAborted(window.emptied(), ending.signal)) === aborted) return { name: 'ended' };
  // A server that does not answer must not hold up the end.
  const startAt = await untilAborted(readOperationTime(source.client), ending.signal);
  if (startAt === aborted) return { name: 'ended' };
  if (reason === 'history-lost') {
    const probe = () => probeStream(source, config, startAt, context.limits);
    if ((await untilAborted(proven(probe, error), ending.signal)) === aborted) return { name: 'ended' };
    context.log.alarm(
      'history-lost',
      'MongoDB no longer has the changes since the checkpoint. The relay goes on from now and asks for a reconciliation, which finds what was missed.',
      { lastCheckpointAt: checkpointer.saved().at, error: errorText(error) },
    );
  }
  const checkpoint = { token: null, startAt, last: reading.position.last };
  const pending = { reason, at: context.clock.now() };
  const tried = await trying(
    {
      what: 'The new starting point could not be saved',
      run: () => checkpointer.restart(checkpoint, pending),
      isTransient: isTransientCall,
    },
    context,
    ending.signal,
  );
  if (tried.kind === 'refused') throw tried.error;
  if (tried.kind === 'given-up' || tried.value.kind === 'lost') return { name: 'ended' };
  reading.position = { ...checkpoint, committedAt: context.clock.now() };
  requests.askIfPending();
  return { name: 'opening' };
}

/** If even a stream from now cannot be opened for the same kind of error, the place to start at is not what is wrong. */
async function proven(probe: () => Promise<void>, original: unknown): Promise<void> {
  try {
    await probe();
  } catch (error) {
    if (sourceErrorKind(error) !== 'history-lost') throw error;
    throw new Error(`the change stream cannot be opened at any point: ${errorText(error)}`, { cause: original });
  }
}
