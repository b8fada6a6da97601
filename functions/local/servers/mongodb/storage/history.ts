import { CommandError } from '../errors.ts';
import { compareOpTimes, type OpTime } from './clusterClock.ts';
import type { Collection } from './collection.ts';

/** One change of a document: how it was before; `undefined` if it was not there. */
interface PastVersion {
  readonly time: OpTime;
  readonly idKey: string;
  readonly before: Uint8Array | undefined;
}

/** Past versions of documents, so that transactions and snapshot reads see the collections as they were at one time. */
export interface History {
  add(collection: Collection, version: PastVersion): void;
  /** Notes that a name lost its collection. */
  collectionGone(namespace: string, time: OpTime): void;
  /** How the documents were that have changed since a time. Throws 239 (SnapshotTooOld) if that is no longer known. */
  changedSince(collection: Collection, time: OpTime): ReadonlyMap<string, Uint8Array | undefined>;
  /** Throws 246 (SnapshotUnavailable) if the collection of this name at that time is there no more. */
  requireSameCollection(namespace: string, time: OpTime): void;
}

/** How long past versions are kept, in seconds; the default of a real server. */
const windowSeconds = 300;

/** Old versions are forgotten so many at a time. */
const batchSize = 1024;

const none: ReadonlyMap<string, Uint8Array | undefined> = new Map();

export function createHistory(): History {
  const byCollection = new WeakMap<Collection, { versions: PastVersion[]; forgottenUpTo: OpTime | undefined }>();
  const goneAt = new Map<string, OpTime>();
  return {
    add(collection, version) {
      const past = byCollection.get(collection) ?? { versions: [], forgottenUpTo: undefined };
      byCollection.set(collection, past);
      past.versions.push(version);
      if (past.versions.length % batchSize > 0) return;
      const kept = past.versions.findIndex(({ time }) => time.t >= version.time.t - windowSeconds);
      past.forgottenUpTo = past.versions[kept - 1]?.time ?? past.forgottenUpTo;
      past.versions.splice(0, kept);
    },
    collectionGone: (namespace, time) => {
      goneAt.set(namespace, time);
    },
    changedSince(collection, time) {
      const past = byCollection.get(collection);
      if (!past) return none;
      if (past.forgottenUpTo && compareOpTimes(past.forgottenUpTo, time) > 0)
        throw new CommandError(239, 'Read timestamp is older than the oldest available timestamp.');
      const changed = new Map<string, Uint8Array | undefined>();
      for (let i = past.versions.length - 1; i >= 0; i -= 1) {
        const version = past.versions[i];
        if (!version || compareOpTimes(version.time, time) <= 0) break;
        changed.set(version.idKey, version.before);
      }
      return changed;
    },
    requireSameCollection(namespace, time) {
      const gone = goneAt.get(namespace);
      if (gone && compareOpTimes(gone, time) > 0)
        throw new CommandError(246, `Unable to read ${namespace} from a snapshot: the collection has gone`);
    },
  };
}
