import type { Clock } from '../../../src/clock.ts';
import type { StoredMessage } from './message.ts';
import { fromMs, toMs } from './protoTime.ts';
import { deletedTopic, parseResourceName } from './resourceNames.ts';
import { alreadyExists, failedPrecondition, invalidArgument, notFound } from './status.ts';
import { applyMask } from './topicSettings.ts';
import type { WireSnapshot } from './wire.ts';

/** What subscriptions had not acknowledged at a moment, and all that their topic got since. */
export interface Snapshots {
  /** Keeps `backlog`, the messages that `subscription` has not acknowledged. */
  create(snapshot: Pick<WireSnapshot, 'name' | 'topic' | 'labels'>, backlog: readonly StoredMessage[]): WireSnapshot;
  get(name: string): WireSnapshot;
  all(): WireSnapshot[];
  update(snapshot: WireSnapshot, paths: readonly string[]): WireSnapshot;
  delete(name: string): void;
  messages(name: string): readonly StoredMessage[];
  /** A message was published to a topic. */
  published(topic: string, message: StoredMessage): void;
  topicDeleted(topic: string): void;
}

interface Entry {
  wire: WireSnapshot;
  readonly messages: StoredMessage[];
}

/** A snapshot lives until its oldest message is this old, and is refused if that is too soon:
 *  https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.snapshots */
const lifeMs = 7 * 24 * 60 * 60 * 1000;
const minLifeMs = 60 * 60 * 1000;

const changeableFields = new Set(['labels', 'expireTime']);

export function createSnapshots(clock: Clock): Snapshots {
  const entries = new Map<string, Entry>();

  function living(): Entry[] {
    for (const [name, { wire }] of entries) {
      if (wire.expireTime && toMs(wire.expireTime) <= clock.now()) entries.delete(name);
    }
    return [...entries.values()];
  }

  function entry(name: string): Entry {
    parseResourceName('snapshots', name);
    living();
    const found = entries.get(name);
    if (!found) throw notFound(name);
    return found;
  }

  return {
    create({ name, topic, labels }, backlog) {
      parseResourceName('snapshots', name);
      if (living().some(({ wire }) => wire.name === name)) throw alreadyExists(name);
      const expiresAt =
        lifeMs + backlog.reduce((oldest, { publishedAt }) => Math.min(oldest, publishedAt), clock.now());
      if (expiresAt < clock.now() + minLifeMs) {
        throw failedPrecondition(
          'The backlog of the subscription is too old: the snapshot would expire within an hour.',
        );
      }
      const wire = { name, topic, labels, expireTime: fromMs(expiresAt) };
      entries.set(name, { wire, messages: [...backlog] });
      return wire;
    },
    get: (name) => entry(name).wire,
    all: () => living().map(({ wire }) => wire),
    update(snapshot, paths) {
      const found = entry(snapshot.name);
      const changed = applyMask(found.wire, snapshot, paths, changeableFields, 'snapshot');
      if (!changed.expireTime || toMs(changed.expireTime) > clock.now() + lifeMs) {
        throw invalidArgument('Invalid expire_time: it must be within seven days.');
      }
      found.wire = changed;
      return changed;
    },
    delete(name) {
      entry(name);
      entries.delete(name);
    },
    messages: (name) => entry(name).messages,
    published(topic, message) {
      for (const { wire, messages } of living()) if (wire.topic === topic) messages.push(message);
    },
    topicDeleted(topic) {
      for (const found of living()) if (found.wire.topic === topic) found.wire = { ...found.wire, topic: deletedTopic };
    },
  };
}
