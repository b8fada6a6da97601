import { compileDocumentStage, type DocumentStage } from '../aggregate/documentStages.ts';
import { stageParts } from '../aggregate/pipeline.ts';
import { encode } from '../bson/codec.ts';
import { equalValues } from '../bson/orderKey.ts';
import { type Document, isDocument } from '../bson/values.ts';
import type { Batch, BatchRequest, BatchSource } from '../cursors.ts';
import type { Deployment } from '../deployment.ts';
import { CommandError, illegalOperation, notImplemented } from '../errors.ts';
import type { Evaluation } from '../expression/scope.ts';
import { compareOpTimes, justAfter, type OpTime } from '../storage/clusterClock.ts';
import { changeEvent, invalidateEvent, invalidates, type ShownEvent } from './changeEvent.ts';
import { encodeToken, type ResumePoint } from './resumeToken.ts';
import { requireSendable, splitEvent } from './splitEvent.ts';
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

/** Opens a change stream. Throws 286 (ChangeStreamHistoryLost) if the log does not reach back to its start. */
export function openChangeStream(
  deployment: Deployment,
  options: StreamOptions,
  pipeline: readonly unknown[],
  evaluation: Evaluation,
): BatchSource {
  const { oplog, clusterClock, clock, catalog, parameters } = deployment;
  const { stages, split } = compileStages(pipeline, evaluation);
  const begin = startPosition(deployment, options);
  if (begin.skipped && !split) throw cannotResumeFragment('the pipeline has no $changeStreamSplitLargeEvent');
  let { position, token, ending, skipped } = begin;
  const ready: Emission[] = [];
  let closed: CommandError | undefined;
  let interrupt: (() => void) | undefined;

  const emissionsOf = ({ event, tokenOf }: ShownEvent): Emission[] => {
    const skip = skipped ?? 0;
    skipped = undefined;
    const result = passThrough(event, stages);
    if (!result) return [];
    const bytes = encode(result);
    const fragments = split ? splitEvent(result, bytes.length, tokenOf) : undefined;
    if (skip > 0 && !fragments) throw cannotResumeFragment('the event is not large enough to be split');
    if (fragments && skip > fragments.length) throw cannotResumeFragment('the event was split in another way');
    if (fragments) return fragments.slice(skip).map((one) => ({ bytes: encode(one), token: idOf(one), last: false }));
    return [{ bytes: requireSendable(bytes), token: idOf(event), last: false }];
  };

  /** What the client gets to see next, or `undefined` when the end of the log is reached. */
  const advance = (): Emission | undefined => {
    for (;;) {
      const next = ready.shift();
      if (next) return next;
      if (ending) {
        const result = passThrough(ending, stages);
        return { bytes: result && encode(result), token: idOf(ending), last: true };
      }
      if (oplog.isLost(position)) throw historyLost();
      const entry = oplog.at(position);
      if (!entry) return undefined;
      position += 1;
      if (compareOpTimes(entry.time, begin.notBefore) < 0) continue;
      const imagesSince = clock.now() - parameters.imagesExpireAfterSeconds * 1000;
      const shown = changeEvent(entry, options, { catalog, imagesSince });
      if (!shown) continue;
      if (shown.invalidates) ending = invalidateEvent(entry);
      ready.push(...emissionsOf(shown));
    }
  };

  const collect = (size: number): { documents: Uint8Array[]; invalidated: boolean } => {
    const documents: Uint8Array[] = [];
    let bytes = 0;
    while (documents.length < size) {
      const next = advance();
      if (!next) {
        // Nothing is left: the stream may be resumed behind all of it, also behind what the pipeline held back.
        token = documents.length > 0 ? token : markAfter(later(clusterClock.follow(), begin.notBefore));
        break;
      }
      if (next.bytes && documents.length > 0 && bytes + next.bytes.length > largestBatchBytes) {
        ready.unshift(next);
        break;
      }
      token = next.token;
      if (next.bytes) {
        bytes += next.bytes.length;
        documents.push(next.bytes);
      }
      if (next.last) return { documents, invalidated: true };
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

/** One document of a reply; without bytes where the pipeline held back the event that ends the stream. */
interface Emission {
  readonly bytes: Uint8Array | undefined;
  readonly token: Document;
  readonly last: boolean;
}

const later = (a: OpTime, b: OpTime) => (compareOpTimes(a, b) < 0 ? b : a);

const markAfter = (time: OpTime): Document => encodeToken({ kind: 'mark', time: justAfter(time) });

const idOf = (event: Document): Document => (isDocument(event._id) ? event._id : {});

const cannotResumeFragment = (why: string) =>
  new CommandError(280, `Attempted to resume from a fragment of a split event, but ${why}.`);

function compileStages(
  pipeline: readonly unknown[],
  evaluation: Evaluation,
): { stages: DocumentStage[]; split: boolean } {
  let split = false;
  const stages = pipeline.flatMap((stage, index) => {
    const [name, operand] = stageParts(stage);
    if (name === '$changeStreamSplitLargeEvent') {
      if (!isDocument(operand) || Object.keys(operand).length > 0)
        throw new CommandError(7182800, '$changeStreamSplitLargeEvent spec should be an empty object');
      if (index < pipeline.length - 1)
        throw new CommandError(7182802, '$changeStreamSplitLargeEvent must be the last stage in the pipeline');
      split = true;
      return [];
    }
    if (!allowedStages.has(name)) throw illegalOperation(`${name} is not permitted in a $changeStream pipeline`);
    const compiled = compileDocumentStage(name, operand, evaluation);
    if (!compiled) throw notImplemented(name);
    return [compiled];
  });
  return { stages, split };
}

function passThrough(event: Document, stages: readonly DocumentStage[]): Document | undefined {
  let result: Document | undefined = event;
  for (const stage of stages) {
    result = stage(result);
    if (!result) return undefined;
  }
  if (!equalValues(result._id, event._id)) {
    throw new CommandError(280, 'the _id of an event, its resume token, was modified by the pipeline');
  }
  return result;
}

interface Start {
  readonly position: number;
  readonly token: Document;
  readonly ending: Document | undefined;
  /** Nothing older than this is shown, although it comes to the log after the stream was opened. */
  readonly notBefore: OpTime;
  /** How many fragments of the first event the client has already. */
  readonly skipped: number | undefined;
}

function startPosition({ oplog, clusterClock }: Deployment, { start, target }: StreamOptions): Start {
  const found = { ending: undefined, skipped: undefined, notBefore: clusterClock.current() };
  if (start.kind === 'now') return { ...found, position: oplog.end, token: markAfter(found.notBefore) };
  const point: ResumePoint = start.kind === 'time' ? { kind: 'mark', time: start.time } : start.point;
  const notBefore = point.time;
  const position = oplog.sequenceFrom(point.time, point.kind === 'event' ? point.ordinal : 0);
  if (position === undefined) throw historyLost();
  const token = encodeToken(point);
  if (point.kind === 'mark') return { ...found, notBefore, position, token };
  const entry = oplog.at(position);
  if (!entry || !isAt(entry, point)) {
    throw new CommandError(280, 'cannot resume stream; the resume token was not found.');
  }
  if (point.fragment !== undefined) return { ...found, notBefore, position, token, skipped: point.fragment + 1 };
  const ending = !point.fromInvalidate && invalidates(entry, target) ? invalidateEvent(entry) : undefined;
  return { ...found, notBefore, position: position + 1, token, ending };
}

const isAt = (entry: { time: OpTime; ordinal: number }, point: Extract<ResumePoint, { kind: 'event' }>) =>
  entry.time.t === point.time.t && entry.time.i === point.time.i && entry.ordinal === point.ordinal;
