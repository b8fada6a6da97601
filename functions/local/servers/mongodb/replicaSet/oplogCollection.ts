import { Int32, Long } from 'bson';
import { encode } from '../bson/codec.ts';
import type { Deployment } from '../deployment.ts';
import { toTimestamp } from '../storage/clusterClock.ts';
import { type Collection, createCollection } from '../storage/collection.ts';
import type { OplogEntry } from '../storage/oplog.ts';

const operations: Readonly<Record<string, string>> = { insert: 'i', update: 'u', replace: 'u', delete: 'd' };

/** The log as `local.oplog.rs` shows it: when, what and where, but not what was written. It is made when it is read. */
function oplogCollection({ oplog, clusterClock, clock }: Deployment): Collection {
  const collection = createCollection({ db: 'local', name: 'oplog.rs', options: { capped: true } });
  const show = (
    key: number,
    {
      time,
      wallTime,
      change,
      ...where
    }: Pick<OplogEntry, 'time' | 'wallTime' | 'db' | 'name'> & { change?: OplogEntry['change'] },
  ) =>
    collection.put(
      String(key),
      encode({
        ts: toTimestamp(time),
        t: Long.fromNumber(1),
        v: new Int32(2),
        op: change ? (operations[change.kind] ?? 'c') : 'n',
        ns: change ? `${where.db}.${where.name === '' || !operations[change.kind] ? '$cmd' : where.name}` : '',
        wall: new Date(wallTime),
      }),
    );
  const first = oplog.end - oplog.size;
  for (let at = first; at < oplog.end; at += 1) {
    const entry = oplog.at(at);
    if (entry) show(at, entry);
  }
  // A real one is never empty: it begins with the set.
  if (oplog.size === 0) show(first, { time: clusterClock.current(), wallTime: clock.now(), db: '', name: '' });
  return collection;
}

/** A collection that may be read: one of those that are stored, or the log. */
export const readableCollection = (deployment: Deployment, db: string, name: string): Collection | undefined =>
  db === 'local' && name === 'oplog.rs' && deployment.topology.replicaSet !== undefined
    ? oplogCollection(deployment)
    : deployment.catalog.find(db, name);

/** The collections of a database, with the log in `local`. */
export const readableCollections = (deployment: Deployment, db: string): Collection[] => [
  ...deployment.catalog.collections(db),
  ...(db === 'local' ? [readableCollection(deployment, db, 'oplog.rs') ?? []].flat() : []),
];
