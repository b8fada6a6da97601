import { isTransientCall } from '../grpc.ts';
import { errorText } from '../log.ts';
import { aborted, untilAborted } from '../waiting.ts';
import type { ProjectStream } from './changeStream/open.ts';
import {
  clusterTimeOf,
  committedAt,
  type StreamedChange,
  streamedChangeSchema,
} from './changeStream/streamedChange.ts';
import type { Checkpointer } from './checkpointer.ts';
import { type RelayContext, trying } from './context.ts';
import type { Ending } from './ending.ts';
import type { RelayHealth } from './health.ts';
import { nextCount } from './ordinals.ts';
import type { Outbox, ReadPosition } from './outbox.ts';
import type { PublishWindow } from './publishWindow.ts';

/** Why reading came to its end. */
export type ReadEnd =
  /** The run ends. */
  | { readonly kind: 'ended' }
  /** The server closed the stream without a word. */
  | { readonly kind: 'closed' }
  /** The collection was dropped or renamed (`because`); the position is behind the invalidation. */
  | { readonly kind: 'invalidated'; readonly because: string };

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
}

/** Reads the stream until it ends, and puts every change into the outbox; tells `onAnswer` of every answer of the server.
 *  @throws MongoError when the stream breaks and the driver could not resume it. */
export async function readStream(stream: ProjectStream, reading: Reading, onAnswer: () => void): Promise<ReadEnd> {
  const { outbox, window, checkpointer, ending, health, context } = reading;
  let because = 'invalidated';
  while (!ending.signal.aborted) {
    // Reading waits here while Pub/Sub is slow, so that memory stays bounded.
    if (!window.hasRoom() && (await untilAborted(window.room(), ending.signal)) === aborted) break;
    if (!checkpointer.holdsLease() && !(await renewed(reading))) break;
    // What the driver has at hand needs no waiting for the signal; only a question to the server does.
    const atHand = stream.bufferedCount() > 0;
    const change = atHand ? await stream.tryNext() : await untilAborted(stream.tryNext(), ending.signal);
    if (change === aborted) break;
    if (!atHand) onAnswer();
    if (change === null) {
      if (stream.closed) return { kind: 'closed' };
      quiet(stream, reading);
      continue;
    }
    const parsed = streamedChangeSchema.safeParse(change);
    if (!parsed.success) {
      reading.position = { ...reading.position, token: stream.resumeToken, startAt: null };
      outbox.putUnreadable(change, errorText(parsed.error), reading.position);
      continue;
    }
    const known = parsed.data;
    if (known.operationType === 'invalidate') {
      // Only the token of the invalidation itself lets `startAfter` pass it.
      reading.position = { ...reading.position, token: known._id, startAt: null };
      window.pass(reading.position);
      return { kind: 'invalidated', because };
    }
    const at = committedAt(known);
    health.readUpTo(at);
    if (!isOfProject(known)) {
      because = known.operationType;
      reading.position = { ...reading.position, token: known._id, startAt: null, committedAt: at };
      window.pass(reading.position);
      continue;
    }
    const last = nextCount(reading.position.last, clusterTimeOf(known.clusterTime));
    reading.position = { token: stream.resumeToken, startAt: null, last, committedAt: at };
    outbox.put(known, last, reading.position);
  }
  context.log.debug('Reading ended.', { end: ending.why()?.kind });
  return { kind: 'ended' };
}

function isOfProject(
  change: StreamedChange,
): change is Extract<StreamedChange, { operationType: 'insert' | 'replace' | 'update' | 'delete' }> {
  return 'documentKey' in change;
}

/** An empty answer: the server has looked through everything up to its token, which is kept so that it does not age out of the oplog. */
function quiet(stream: ProjectStream, reading: Reading): void {
  const now = reading.context.clock.now();
  reading.health.readUpTo(now);
  const token = stream.resumeToken;
  if (token === null || token === undefined) return;
  reading.position = { ...reading.position, token, startAt: null, committedAt: now };
  reading.window.pass(reading.position);
}

/** A lease that ran out by our clock: nothing more is read, let alone published, before Firestore has said that nobody else took it. */
async function renewed({ checkpointer, context, ending }: Reading): Promise<boolean> {
  context.log.warn('The lease ran out while this relay was held up; renewing it.', {
    fencing: checkpointer.lease().fencing,
  });
  const tried = await trying(
    { what: 'The lease could not be renewed', run: checkpointer.write, isTransient: isTransientCall },
    context,
    ending.signal,
  );
  if (tried.kind === 'refused') throw tried.error;
  return tried.kind === 'done' && tried.value.kind === 'written';
}
