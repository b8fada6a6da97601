import type { Config } from '../config/defineConfig.ts';
import { type EncodedMessage, encodeEvent } from '../events/codec.ts';
import type { ProjectEvent } from '../events/contract.ts';
import { type Version, versionOf } from '../events/version.ts';
import { isRefusedMessage } from '../grpc.ts';
import { errorText } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import { sourceErrorKind } from '../source/sourceErrors.ts';
import type { ProjectChange } from './changeStream/streamedChange.ts';
import { type RelayContext, trying } from './context.ts';
import { type DeadLetterReason, letterOfChange } from './deadLetter.ts';
import type { Ending } from './ending.ts';
import { type ChangeMeaning, completedEvent, eventFromChange } from './eventFromChange.ts';
import type { FieldLookup } from './fieldLookup.ts';
import { type Count, versionOrdinal } from './ordinals.ts';
import type { PublishWindow } from './publishWindow.ts';
import type { Checkpoint } from './relayRecord.ts';

/** A place in the stream up to which changes have been read. */
export interface ReadPosition extends Checkpoint {
  /** When the change there was committed, in ms since 1970. */
  readonly committedAt: number;
}

/** Takes changes in stream order and publishes what they mean, many at a time. */
export interface Outbox {
  /** Returns at once; the window knows when the change is dealt with. */
  put(change: ProjectChange, count: Count, position: ReadPosition): void;
  /** A change that could not even be read. */
  putUnreadable(change: unknown, error: string, position: ReadPosition): void;
  published(): number;
  deadLettered(): number;
  /** The newest failure to publish. */
  lastError(): unknown;
}

export interface OutboxOptions {
  readonly source: Config['source'];
  readonly publishers: { readonly events: Publisher; readonly deadLetters: Publisher };
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
  const { source, publishers, window, lookup, context, ending, giveUp, mayPublish } = options;
  const { log, limits } = context;
  let published = 0;
  let deadLettered = 0;
  let lastError: unknown;

  const fail = (error: unknown) => ending.end({ kind: 'failed', error });

  const send = (publisher: Publisher, message: EncodedMessage) =>
    trying(
      {
        what: 'A message could not be published',
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
    log.warn('A change of a project became no event; it was put aside as a dead letter.', letter.attributes);
    settle();
  };

  const sendEvent = async (
    event: ProjectEvent,
    message: EncodedMessage,
    change: unknown,
    settle: () => void,
  ): Promise<void> => {
    if (message.data.length > limits.maxMessageBytes) {
      const error = `the event has ${message.data.length} bytes, more than the ${limits.maxMessageBytes} that fit into a message`;
      return bury(change, 'too-large', error, event.version, settle);
    }
    const tried = await send(publishers.events, message);
    if (tried.kind === 'refused') {
      return bury(change, 'refused-by-pubsub', errorText(tried.error), event.version, settle);
    }
    if (tried.kind !== 'done') return;
    published += 1;
    settle();
  };

  const complete = async (
    incomplete: Extract<ChangeMeaning, { kind: 'incomplete' }>,
    change: ProjectChange,
    count: Count,
    settle: () => void,
  ): Promise<void> => {
    const tried = await trying(
      {
        what: 'A project could not be looked up',
        fields: { projectId: incomplete.event.projectId },
        run: () => lookup(incomplete.id, incomplete.fields, count.time),
        isTransient: (error) => sourceErrorKind(error) === 'passing',
      },
      context,
      giveUp,
    );
    if (tried.kind === 'refused') fail(tried.error);
    if (tried.kind !== 'done') return;
    const meaning = completedEvent(incomplete.event, incomplete.fields, tried.value);
    if (meaning.kind === 'event') return sendEvent(meaning.event, encodeEvent(meaning.event), change, settle);
    if (meaning.kind === 'refused')
      return bury(change, meaning.reason, meaning.error, incomplete.event.version, settle);
    settle();
  };

  return {
    put(change, count, position) {
      const { ordinal, overflow } = versionOrdinal(count);
      if (overflow) options.onOverflow(count);
      const version = versionOf(count.time, ordinal);
      const meaning = eventFromChange(change, version, source);
      switch (meaning.kind) {
        case 'event': {
          const message = encodeEvent(meaning.event);
          sendEvent(meaning.event, message, change, window.add(position, message.data.length)).catch(fail);
          return;
        }
        case 'incomplete':
          complete(meaning, change, count, window.add(position, 0)).catch(fail);
          return;
        case 'refused':
          bury(change, meaning.reason, meaning.error, version, window.add(position, 0)).catch(fail);
          return;
        case 'irrelevant':
          window.pass(position);
      }
    },
    putUnreadable(change, error, position) {
      bury(change, 'unreadable-change', error, null, window.add(position, 0)).catch(fail);
    },
    published: () => published,
    deadLettered: () => deadLettered,
    lastError: () => lastError,
  };
}
