import { compileDocumentStage, type DocumentStage } from '../aggregate/documentStages.ts';
import { encode } from '../bson/codec.ts';
import { equalValues } from '../bson/orderKey.ts';
import { type Document, isDocument } from '../bson/values.ts';
import type { Batch, BatchRequest, BatchSource } from '../cursors.ts';
import type { Deployment } from '../deployment.ts';
import { CommandError, illegalOperation } from '../errors.ts';
import type { Evaluation } from '../expression/scope.ts';
import { justAfter, type OpTime } from '../storage/clusterClock.ts';
import { changeEvent, invalidateEvent, invalidates } from './changeEvent.ts';
import { encodeToken, type ResumePoint } from './resumeToken.ts';
import type { StreamOptions } from './streamOptions.ts';

/** How long a `getMore` waits for an event when the client does not say, in ms; as on a real server. */
const defaultAwaitMs = 1000;

const largestBatchBytes = 16 * 1024 * 1024;

const allowedStages: ReadonlySet<string> = new Set([
  '$addFields',
  '$match',
  '$project',
  '$replaceRoot',
  '$replaceWith',
  '$redact',
  '$set',
  '$unset',
]);

const historyLost = () =>
  new CommandError(286, 'Resume of change stream was not possible, as the resume point may no longer be in the oplog.');

/**
 * Opens a change stream. Throws 286 (ChangeStreamHistoryLost) if the log no longer reaches back to the starting point.
 */
export function openChangeStream(
  deployment: Deployment,
  options: StreamOptions,
  pipeline: readonly unknown[],
  evaluation: Evaluation,
): BatchSource {
  const { oplog, clusterClock, clock, catalog } = deployment;
  const stages = compileStages(pipeline, evaluation);
  const begin = startPosition(deployment, options);
  let position = begin.position;
  /** Set when the next thing to say is `invalidate`. */
  let ending: Document | undefined = begin.ending;
  let token = begin.token;
  let closed: CommandError | undefined;
  let interrupt: (() => void) | undefined;

  /** The next event that the client gets to see, or `undefined` when the end of the log is reached. */
  const advance = (): Document | undefined => {
    for (;;) {
      if (ending) return ending;
      if (oplog.isLost(position)) throw historyLost();
      const entry = oplog.at(position);
      if (!entry) return undefined;
      position += 1;
      const shown = changeEvent(entry, options, catalog);
      if (!shown) continue;
      if (shown.invalidates) ending = invalidateEvent(entry);
      const event = passThrough(shown.event, stages);
      if (event) return event;
    }
  };

  const collect = (size: number): { documents: Uint8Array[]; invalidated: boolean } => {
    const documents: Uint8Array[] = [];
    let bytes = 0;
    while (documents.length < size && bytes < largestBatchBytes) {
      const event = advance();
      if (!event) {
        // Nothing is left up to now: the stream may be resumed behind all of it, also behind what the pipeline held
        // back.
        token = documents.length > 0 ? token : markAfter(clusterClock.follow());
        break;
      }
      const last = event === ending;
      const document = last ? passThrough(event, stages) : event;
      if (document) {
        const encoded = encode(document);
        bytes += encoded.length;
        documents.push(encoded);
      }
      token = tokenOf(event);
      if (last) return { documents, invalidated: true };
    }
    return { documents, invalidated: false };
  };

  const batch = (size: number): Batch => {
    const { documents, invalidated } = collect(size);
    return { documents, done: invalidated, fields: { postBatchResumeToken: token } };
  };

  /** Resolves as soon as the log has grown, the time is up, the client is gone or the cursor has been killed. */
  const wait = (ms: number, signal: AbortSignal) =>
    new Promise<'grown' | 'timeout'>((resolve) => {
      const finish = (reason: 'grown' | 'timeout') => {
        stopListening();
        cancelTimer();
        signal.removeEventListener('abort', abort);
        interrupt = undefined;
        resolve(reason);
      };
      const abort = () => finish('timeout');
      const stopListening = oplog.onAppend(() => finish('grown'));
      const cancelTimer = clock.after(ms, () => finish('timeout'));
      signal.addEventListener('abort', abort, { once: true });
      interrupt = abort;
    });

  return {
    async next({ size = Number.POSITIVE_INFINITY, maxTimeMs = defaultAwaitMs, signal }: BatchRequest) {
      const deadline = clock.now() + maxTimeMs;
      for (;;) {
        if (closed) throw closed;
        if (signal.aborted) throw new CommandError(279, 'operation was interrupted because a client disconnected');
        const result = batch(size);
        const left = deadline - clock.now();
        if (result.documents.length > 0 || result.done || left <= 0) return result;
        if ((await wait(left, signal)) === 'timeout' && !closed && !signal.aborted) return batch(size);
      }
    },
    close(reason) {
      closed ??= reason ?? new CommandError(237, 'operation was interrupted because the cursor was killed');
      interrupt?.();
    },
  };
}

const markAfter = (time: OpTime): Document => encodeToken({ kind: 'mark', time: justAfter(time) });

const tokenOf = (event: Document): Document => (isDocument(event._id) ? event._id : {});

function compileStages(pipeline: readonly unknown[], evaluation: Evaluation): DocumentStage[] {
  return pipeline.flatMap((stage, index) => {
    const [name = '', operand] = isDocument(stage) ? (Object.entries(stage)[0] ?? []) : [];
    // Events of this server are never larger than a document may be.
    if (name === '$changeStreamSplitLargeEvent' && index === pipeline.length - 1) return [];
    if (!allowedStages.has(name)) throw illegalOperation(`${name} is not permitted in a $changeStream pipeline`);
    return compileDocumentStage(name, operand, evaluation) ?? [];
  });
}

function passThrough(event: Document, stages: readonly DocumentStage[]): Document | undefined {
  let result: Document | undefined = event;
  for (const stage of stages) {
    result = stage(result);
    if (!result) return undefined;
  }
  if (!equalValues(result._id, event._id)) {
    throw new CommandError(
      280,
      'Encountered an event whose _id field, which contains the resume token, was modified by the pipeline. Modifying the _id field of an event makes it impossible to resume the stream from that point. Only transformations that retain the unmodified _id field are allowed.',
    );
  }
  return result;
}

interface Start {
  readonly position: number;
  readonly token: Document;
  readonly ending?: Document | undefined;
}

function startPosition({ oplog, clusterClock }: Deployment, { start, target }: StreamOptions): Start {
  if (start.kind === 'now') return { position: oplog.end, token: markAfter(clusterClock.current()) };
  if (start.kind === 'time') {
    const position = oplog.sequenceFrom(start.time, 0);
    if (position === undefined) throw historyLost();
    return { position, token: encodeToken({ kind: 'mark', time: start.time }) };
  }
  const { point } = start;
  const position = oplog.sequenceFrom(point.time, point.kind === 'event' ? point.ordinal : 0);
  if (position === undefined) throw historyLost();
  const token = encodeToken(point);
  if (point.kind === 'mark') return { position, token };
  const entry = oplog.at(position);
  if (!entry || !isAt(entry, point)) {
    throw new CommandError(280, 'cannot resume stream; the resume token was not found.');
  }
  const ending = !point.fromInvalidate && invalidates(entry, target) ? invalidateEvent(entry) : undefined;
  return { position: position + 1, token, ending };
}

const isAt = (entry: { time: OpTime; ordinal: number }, point: Extract<ResumePoint, { kind: 'event' }>) =>
  entry.time.t === point.time.t && entry.time.i === point.time.i && entry.ordinal === point.ordinal;
