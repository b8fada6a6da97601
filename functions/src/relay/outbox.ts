import { z } from 'zod';
import type { Config } from '../config/defineConfig.ts';
import { type EncodedMessage, encodeEvent } from '../events/codec.ts';
import type { ProjectEvent } from '../events/contract.ts';
import { type CopyValue, mostEventBytes, sizeProblem } from '../events/copyValue.ts';
import { encodeReconciliationRequest } from '../events/reconciliationRequest.ts';
import { type Version, versionOf } from '../events/version.ts';
import { isRefusedMessage } from '../grpc.ts';
import { errorText } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import { extendedJson } from '../source/extendedJson.ts';
import { isRefusedBySource, sourceErrorKind } from '../source/sourceErrors.ts';
import type { KeyChange, ProjectChange } from './changeStream/streamedChange.ts';
import { type RelayContext, trying } from './context.ts';
import { type DeadLetterReason, letterOfChange } from './deadLetter.ts';
import type { Ending } from './ending.ts';
import {
  type ChangeMeaning,
  completedEvent,
  eventFromChange,
  eventFromKey,
  projectOf,
  type Refused,
} from './eventFromChange.ts';
import type { FieldLookup } from './fieldLookup.ts';
import { type Count, versionOrdinal } from './ordinals.ts';
import type { InFlight, PublishWindow } from './publishWindow.ts';
import type { Checkpoint } from './relayRecord.ts';
import { isForShard, type Shard } from './shards/shard.ts';

/** A place in the stream up to which changes have been read. */
export interface ReadPosition extends Checkpoint {
  /** When the change there was committed, in ms since 1970. */
  readonly committedAt: number;
}

/** Takes changes in stream order and publishes what they mean, many at a time. Those of other shards it lets pass. */
export interface Outbox {
  /** Returns at once; the window knows when the change is dealt with. */
  put(change: ProjectChange, count: Count, position: ReadPosition): void;
  /** A change of which only the key could be read: the rest is looked up. */
  putKey(change: KeyChange, count: Count, position: ReadPosition): void;
  /** A change that could not be read: it is dead-lettered, and a reconciliation of its project (of all, if it names
   *  none) is asked for. */
  putUnreadable(change: unknown, error: string, position: ReadPosition): void;
  published(): number;
  deadLettered(): number;
  /** The newest failure to publish. */
  lastError(): unknown;
}

export interface OutboxOptions {
  readonly source: Config['source'];
  readonly shard: Shard;
  readonly publishers: {
    readonly events: Publisher;
    readonly deadLetters: Publisher;
    readonly reconciliationRequests: Publisher;
  };
  readonly window: PublishWindow<ReadPosition>;
  readonly lookup: FieldLookup;
  readonly context: RelayContext;
  readonly ending: Ending;
  /** Ends all trying. */
  readonly giveUp: AbortSignal;
  /** A relay whose lease ran out publishes nothing until it is renewed. */
  readonly mayPublish: () => boolean;
  /** A transaction has more changes than versions can tell apart. */
  readonly onOverflow: (count: Count) => void;
}

/** Creates the outbox of one run. */
export function createOutbox(options: OutboxOptions): Outbox {
  const { source, shard, publishers, window, lookup, context, ending, giveUp, mayPublish } = options;
  const { log, limits } = context;
  let published = 0;
  let deadLettered = 0;
  let lastError: unknown;

  const fail = (error: unknown) => ending.end({ kind: 'failed', error });

  const send = (publisher: Publisher, message: EncodedMessage) =>
    trying(
      {
        what: 'a message could not be published',
        fields: message.attributes,
        run: () => publisher.publish(message),
        isTransient(error) {
          lastError = error;
          return !isRefusedMessage(error);
        },
        mayTry: mayPublish,
      },
      context,
      giveUp,
    );

  const bury = async (
    change: unknown,
    reason: DeadLetterReason,
    error: string,
    version: Version | null,
    settle: () => void,
  ): Promise<void> => {
    const letter = letterOfChange({ change, reason, error, version, at: context.clock.now() }, limits.maxMessageBytes);
    const tried = await send(publishers.deadLetters, letter);
    if (tried.kind === 'refused') fail(tried.error);
    if (tried.kind !== 'done') return;
    deadLettered += 1;
    // The alarm is raised where dead letters are kept.
    log.warn('a change of a project became no event; it was dead-lettered', letter.attributes);
    settle();
  };

  /** What a change says besides that which nobody can apply has to be applied all the same: the project is reconciled,
   *  as the stream would have repaired it without asking. The request is published before the change counts as dealt
   *  with, so that a crash in between repeats both. */
  const buryAndAsk = (
    change: unknown,
    reason: DeadLetterReason,
    error: string,
    version: Version | null,
    settle: () => void,
  ): Promise<void> => {
    const named = projectOf(keyOf(change));
    const why = 'change-unreadable';
    const request =
      named.kind === 'project'
        ? { reason: why, mode: 'clean' as const, projectIds: [named.projectId] }
        : { reason: why };
    const ask = async () => {
      const message = encodeReconciliationRequest(request, { reason: why, source: 'relay' });
      const tried = await send(publishers.reconciliationRequests, message);
      if (tried.kind === 'refused') fail(tried.error);
      if (tried.kind === 'done') settle();
    };
    return bury(change, reason, error, version, () => void ask().catch(fail));
  };

  const skip = (change: unknown, error: string, version: Version | null, settle: () => void): Promise<void> => {
    const named = projectOf(keyOf(change));
    const projectId = named.kind === 'project' ? named.projectId : null;
    const message = 'a change could not be read and is skipped; a reconciliation is asked for';
    log.alarm('change-unreadable', message, { projectId, error });
    return buryAndAsk(change, 'unreadable-change', error, version, settle);
  };

  /** A value that no copy can have is kept; the project's other fields go on. */
  const refuse = (change: unknown, { reason, error }: Refused, version: Version, settle: () => void): Promise<void> =>
    (reason === 'value' ? buryAndAsk : bury)(change, reason, error, version, settle);

  /** Text that is no UTF-8 is read with U+FFFD in place of what is broken. It is published as read, and reported. */
  const warnOfReplacedText = ({ id, projectId, changes }: ProjectEvent): void => {
    const fields = Object.keys(changes).filter((field) => holdsReplacement(changes[field] ?? null));
    if (fields.length === 0) return;
    log.warn('a value holds U+FFFD: in MongoDB it is probably no UTF-8', { eventId: id, projectId, fields });
  };

  const sendEvent = async (
    event: ProjectEvent,
    message: EncodedMessage,
    change: unknown,
    settle: () => void,
  ): Promise<void> => {
    warnOfReplacedText(event);
    const tooLarge = sizeProblem(message.data.length);
    if (tooLarge !== undefined) return buryAndAsk(change, 'too-large', tooLarge, event.version, settle);
    const tried = await send(publishers.events, message);
    if (tried.kind === 'refused') {
      return buryAndAsk(change, 'refused-by-pubsub', errorText(tried.error), event.version, settle);
    }
    if (tried.kind !== 'done') return;
    published += 1;
    settle();
  };

  const complete = async (
    incomplete: Extract<ChangeMeaning, { kind: 'incomplete' }>,
    change: unknown,
    count: Count,
    { settle, resize }: InFlight,
  ): Promise<void> => {
    const tried = await trying(
      {
        what: 'a project could not be looked up',
        fields: { projectId: incomplete.event.projectId },
        async run() {
          const document = await lookup(incomplete.id, incomplete.fields, count.time);
          return completedEvent(incomplete.event, incomplete.fields, document);
        },
        isTransient: (error) => sourceErrorKind(error) === 'passing',
      },
      context,
      giveUp,
    );
    if (tried.kind === 'refused') {
      if (isRefusedBySource(tried.error)) return fail(tried.error);
      return skip(change, errorText(tried.error), incomplete.event.version, settle);
    }
    if (tried.kind !== 'done') return;
    const meaning = tried.value;
    if (meaning.kind === 'event') {
      const message = encodeEvent(meaning.event);
      resize(bytesOf(change) + message.data.length);
      return sendEvent(meaning.event, message, change, settle);
    }
    if (meaning.kind === 'refused') return refuse(change, meaning, incomplete.event.version, settle);
    settle();
  };

  const putMeaning = (
    change: ProjectChange | KeyChange,
    count: Count,
    position: ReadPosition,
    meaningAt: (version: Version) => ChangeMeaning,
  ): void => {
    if (!isForShard(shard, change.documentKey._id)) {
      window.pass(position);
      return;
    }
    const { ordinal, overflow } = versionOrdinal(count);
    if (overflow) options.onOverflow(count);
    const version = versionOf(count.time, ordinal);
    const meaning = meaningAt(version);
    switch (meaning.kind) {
      case 'event': {
        const message = encodeEvent(meaning.event);
        sendEvent(meaning.event, message, change, window.add(position, message.data.length).settle).catch(fail);
        return;
      }
      case 'incomplete':
        // What the lookup will bring is not known yet; many at once may bring the most.
        complete(meaning, change, count, window.add(position, bytesOf(change) + mostEventBytes)).catch(fail);
        return;
      case 'refused':
        refuse(change, meaning, version, window.add(position, bytesOf(change)).settle).catch(fail);
        return;
      case 'irrelevant':
        window.pass(position);
    }
  };

  return {
    put: (change, count, position) =>
      putMeaning(change, count, position, (version) => eventFromChange(change, version, source)),
    putKey: (change, count, position) =>
      putMeaning(change, count, position, (version) => eventFromKey(change, version, source)),
    putUnreadable(change, error, position) {
      const id = keyOf(change);
      // Whose a change without a key is, nobody knows, and perhaps no other shard sees it.
      if (id !== undefined && !isForShard(shard, id)) window.pass(position);
      else skip(change, error, null, window.add(position, bytesOf(change)).settle).catch(fail);
    },
    published: () => published,
    deadLettered: () => deadLettered,
    lastError: () => lastError,
  };
}

const keySchema = z.looseObject({ documentKey: z.looseObject({ _id: z.unknown() }) });

/** The `_id` of a change that may be anything. */
function keyOf(change: unknown): unknown {
  const parsed = keySchema.safeParse(change);
  return parsed.success ? parsed.data.documentKey._id : undefined;
}

/** What a change takes while its dead letter is on its way: it may be of 16 MB. */
function bytesOf(change: unknown): number {
  return Buffer.byteLength(extendedJson(change));
}

function holdsReplacement(value: CopyValue): boolean {
  if (typeof value === 'string') return value.includes('\ufffd');
  if (value === null || typeof value !== 'object' || value instanceof Date) return false;
  return Object.values(value).some(holdsReplacement);
}
