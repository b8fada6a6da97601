import { secondMs } from '../clock.ts';
import type { ClusterTime } from '../events/version.ts';
import { isTransientCall } from '../grpc.ts';
import { errorText } from '../log.ts';
import type { ProjectsSource } from '../source/connect.ts';
import { sourceErrorKind } from '../source/sourceErrors.ts';
import { aborted, atMost, overdue, untilAborted } from '../waiting.ts';
import { hasReached, type ProjectStream, timeOfToken } from './changeStream/open.ts';
import type { ChangeDetail } from './changeStream/pipeline.ts';
import { clusterTimeOf, committedAt, readChange } from './changeStream/streamedChange.ts';
import type { Checkpointer } from './checkpointer.ts';
import { type RelayContext, trying } from './context.ts';
import type { Ending } from './ending.ts';
import { nextCount } from './ordinals.ts';
import type { Outbox, ReadPosition } from './outbox.ts';
import type { PublishWindow } from './publishWindow.ts';
import type { RelayHealth } from './status/health.ts';

/** Why reading came to its end. */
export type ReadEnd =
  /** The run ends. */
  | { readonly kind: 'ended' }
  /** The server closed the stream without an error. */
  | { readonly kind: 'closed' }
  /** MongoDB did not answer in time, and the connection said nothing about it. */
  | { readonly kind: 'silent'; readonly forMs: number }
  /** The collection was dropped or renamed (`because`); the position is behind the invalidation. */
  | { readonly kind: 'invalidated'; readonly because: string }
  /** One change was to be read before the stream is opened anew; there was one (true), or none (false). */
  | { readonly kind: 'one-read'; readonly found: boolean };

/** What reading works with. */
export interface Reading {
  readonly outbox: Outbox;
  readonly window: PublishWindow<ReadPosition>;
  readonly checkpointer: Checkpointer;
  readonly ending: Ending;
  readonly health: RelayHealth;
  readonly context: RelayContext;
  /** How far the stream has been read; reading moves it. */
  position: ReadPosition;
  /** The collection was not there when the stream was opened: with its first change it can be told which one it is. */
  awaitsCollection: boolean;
}

/** A stream that was opened at the position. */
export interface OpenedStream {
  readonly stream: ProjectStream;
  /** The connections that it is read over. */
  readonly source: ProjectsSource;
  /** With less than `full`, one change is read. */
  readonly detail: ChangeDetail;
  /** Why it was opened with less, and up to when there may be the change that is the reason. Null with `full`. */
  readonly less: { readonly problem: unknown; readonly upTo: ClusterTime } | null;
}

/** What was asked of the server: a change, nothing new, or no answer. */
type Answer = object | null | typeof aborted | typeof overdue;

/** Reads the stream until it ends, and puts every change into the outbox; calls `onAnswer` after every answer of the
 *  server.
 *  @throws MongoError when the stream breaks and the driver could not resume it. */
export async function readStream(opened: OpenedStream, reading: Reading, onAnswer: () => void): Promise<ReadEnd> {
  const { window, checkpointer, ending, context } = reading;
  const { stream } = opened;
  const { silenceMs, openingMs } = context.limits;
  const state: ReadState = { because: 'invalidated' };
  let hasAnswered = false;
  while (!ending.signal.aborted) {
    // Reading waits here while Pub/Sub is slow, so that memory stays bounded.
    if (!window.hasRoom() && (await untilAborted(window.room(), ending.signal)) === aborted) break;
    if (!checkpointer.holdsLease() && !(await renewed(reading))) break;
    // What the driver has at hand needs no waiting for the signal; only a question to the server does.
    const atHand = stream.bufferedCount() > 0;
    if (!atHand && ending.isOverdue()) {
      ending.end({ kind: 'budget-spent' });
      break;
    }
    let answer: Answer;
    if (atHand) answer = await stream.tryNext();
    else if (hasAnswered) answer = await atMost(context.clock, silenceMs, stream.tryNext(), ending.signal);
    else answer = await ending.awaitingAnswer(() => firstAnswer(opened, reading));
    if (answer === aborted) break;
    if (answer === overdue) return { kind: 'silent', forMs: hasAnswered ? silenceMs : openingMs };
    if (!atHand) onAnswer();
    hasAnswered = true;
    if (answer === null && stream.closed) return { kind: 'closed' };
    if (answer === null) quiet(stream, reading);
    else if (put(answer, opened, reading, state) === 'invalidated') {
      return { kind: 'invalidated', because: state.because };
    }
    if (answer !== null && (opened.less !== null || reading.awaitsCollection)) return { kind: 'one-read', found: true };
    if (opened.less !== null && hasReached(stream.resumeToken, opened.less.upTo)) {
      return { kind: 'one-read', found: false };
    }
  }
  context.log.debug('reading ended', { end: ending.why()?.kind });
  return { kind: 'ended' };
}

/** The first answer may take as long as MongoDB looks through its oplog. That it is alive meanwhile is asked for on
 *  another connection. */
async function firstAnswer({ stream, source }: OpenedStream, { context, ending }: Reading): Promise<Answer> {
  const { clock, log, limits } = context;
  const next = stream.tryNext();
  for (let waitedMs = limits.silenceMs; ; waitedMs += limits.silenceMs) {
    const answer = await atMost(clock, limits.silenceMs, next, ending.signal);
    if (answer !== overdue || waitedMs >= limits.openingMs) return answer;
    log.info('waiting for the first answer of the change stream', { forMs: waitedMs });
    const reachable = await untilAborted(isReachable(source, limits.commandMs), ending.signal);
    if (reachable !== true) return reachable === aborted ? aborted : overdue;
  }
}

async function isReachable({ client }: ProjectsSource, timeoutMs: number): Promise<boolean> {
  try {
    await client.db('admin').command({ ping: 1 }, { timeoutMS: timeoutMs });
    return true;
  } catch (error) {
    if (sourceErrorKind(error) !== 'passing') throw error;
    return false;
  }
}

interface ReadState {
  /** What will have ended the collection when the invalidation comes. */
  because: string;
}

/** Puts what the server answered into the outbox, and moves the position. */
function put(raw: object, opened: OpenedStream, reading: Reading, state: ReadState): 'invalidated' | 'read' {
  const { outbox, window, health } = reading;
  const { stream, detail, less } = opened;
  const read = readChange(raw, detail);
  if (read.kind === 'unreadable' || detail === 'none') {
    reading.position = { ...reading.position, token: stream.resumeToken, startAt: null };
    outbox.putUnreadable(raw, errorText(read.kind === 'unreadable' ? read.error : less?.problem), reading.position);
    return 'read';
  }
  const committed = committedAt(read.change);
  health.readUpTo(committed);
  if (read.kind === 'ending') {
    const { operationType, _id: token } = read.change;
    const invalidated = operationType === 'invalidate';
    if (!invalidated) state.because = operationType;
    // Only the token of the invalidation itself lets `startAfter` pass it. Behind it is whatever has the name then.
    const source = invalidated ? null : reading.position.source;
    reading.position = { ...reading.position, token, startAt: null, committedAt: committed, source };
    window.pass(reading.position);
    return invalidated ? 'invalidated' : 'read';
  }
  const last = nextCount(reading.position.last, clusterTimeOf(read.change.clusterTime));
  const position = { ...reading.position, token: stream.resumeToken, startAt: null, last, committedAt: committed };
  if (read.kind === 'key') outbox.putKey(read.change, last, position);
  else outbox.put(read.change, last, position);
  // Not before it was put: one that cannot be is read again with less of it, rather than passed by.
  reading.position = position;
  return 'read';
}

/** With nothing new, MongoDB's token is as old as the newest entry of its oplog, in which a quiet cluster notes
 *  something every 10 s. An older one says that MongoDB is still looking through it. */
const quietTokenMs = 15 * secondMs;

/** An empty answer: the server has looked through everything up to its token, which is kept so that it does not age out
 *  of the oplog. */
function quiet(stream: ProjectStream, reading: Reading): void {
  const token: unknown = stream.resumeToken;
  const now = reading.health.sourceNow();
  const tokenTime = timeOfToken(token);
  const readUpTo = tokenTime === null || tokenTime >= now - quietTokenMs ? now : tokenTime;
  reading.health.readUpTo(readUpTo);
  if (token === null || token === undefined) return;
  reading.position = { ...reading.position, token, startAt: null, committedAt: readUpTo };
  reading.window.pass(reading.position);
}

/** A lease that ran out by our clock: nothing more is read, let alone published, before Firestore has said that nobody
 *  else took it. */
async function renewed({ checkpointer, context, ending }: Reading): Promise<boolean> {
  context.log.warn('the lease ran out while this relay was held up; renewing it', {
    fencing: checkpointer.lease().fencing,
  });
  const tried = await trying(
    { what: 'the lease could not be renewed', run: checkpointer.write, isTransient: isTransientCall },
    context,
    ending.signal,
  );
  if (tried.kind === 'refused') throw tried.error;
  return tried.kind === 'done' && tried.value.kind === 'written';
}
