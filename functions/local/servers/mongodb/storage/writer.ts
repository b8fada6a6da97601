import { decode } from '../bson/codec.ts';
import { valuesAt } from '../bson/paths.ts';
import { shellText } from '../bson/shellText.ts';
import type { Document } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { Transaction } from '../sessions/transaction.ts';
import { type Transactions, writeConflict } from '../sessions/transactions.ts';
import type { ClusterClock, OpTime } from './clusterClock.ts';
import type { Collection } from './collection.ts';
import type { CollectionIndex } from './collectionIndex.ts';
import type { History } from './history.ts';
import type { Change, Oplog } from './oplog.ts';
import { type CollectionView, viewOf } from './view.ts';

/** One document to write; `after` is `undefined` when it is to be deleted. */
export interface Write {
  readonly collection: Collection;
  readonly idKey: string;
  readonly before: Uint8Array | undefined;
  readonly after: { readonly bytes: Uint8Array; readonly document: Document } | undefined;
  readonly change: Change;
}

/** The only way to change documents: checks, storage and log in one step that nothing can come between. */
export interface Writer {
  /** Throws 11000 (DuplicateKey), 112 (WriteConflict, in a transaction) or `HeldByTransaction` (outside of one). */
  write(write: Write, transaction: Transaction | undefined): void;
  /** Throws what a write would throw because of a transaction: asked first, so that no update of many runs twice. */
  claim(collection: Collection, idKey: string, transaction: Transaction | undefined): void;
  /** Applies all that a transaction wrote, at one time. */
  commit(transaction: Transaction): void;
  abort(transaction: Transaction): void;
  /** Logs what is not a change of a document: `create`, `drop` … */
  log(where: { db: string; name: string; uuid?: Collection['uuid'] | undefined }, change: Change): void;
}

export interface WriterParts {
  readonly oplog: Oplog;
  readonly history: History;
  readonly clusterClock: ClusterClock;
  readonly transactions: Transactions;
  /** Ms since the epoch. */
  readonly now: () => number;
}

const documentKey = (collection: Collection, idKey: string) => `${collection.uuid.toHexString(false)} ${idKey}`;
const uniqueKey = (collection: Collection, index: CollectionIndex, key: string) =>
  `${collection.uuid.toHexString(false)}/${index.spec.name} ${key}`;

export function createWriter({ oplog, history, clusterClock, transactions, now }: WriterParts): Writer {
  const apply = (collection: Collection, idKey: string, bytes: Uint8Array | undefined, time: OpTime) => {
    history.add(collection, { time, idKey, before: collection.get(idKey) });
    if (bytes) collection.put(idKey, bytes);
    else collection.remove(idKey);
  };
  const finish = (transaction: Transaction, state: 'committed' | 'aborted') => {
    transactions.finish(transaction);
    transaction.end(state);
  };
  return {
    write({ collection, idKey, before, after, change }, transaction) {
      const view = viewOf(collection, transaction && { history, time: transaction.readTime, transaction });
      transactions.claim(documentKey(collection, idKey), transaction);
      if (transaction && history.changedSince(collection, transaction.readTime).has(idKey)) throw writeConflict();
      if (!before && view.get(idKey)) throw duplicateId(collection, after?.document);
      if (after) claimUniqueKeys(view, idKey, after.document, transactions, transaction);
      if (transaction) {
        transaction.written(collection).set(idKey, after?.bytes);
        transaction.pending.push({ collection, idKey, after: after?.bytes, change });
        return;
      }
      const time = clusterClock.next();
      apply(collection, idKey, after?.bytes, time);
      oplog.append({ time, ordinal: 0, wallTime: now(), ...place(collection), change });
    },
    claim: (collection, idKey, transaction) => transactions.claim(documentKey(collection, idKey), transaction),
    commit(transaction) {
      const { identity, pending } = transaction;
      const time = pending.length > 0 ? clusterClock.next() : clusterClock.current();
      const wallTime = now();
      pending.forEach(({ collection, idKey, after, change }, ordinal) => {
        apply(collection, idKey, after, time);
        oplog.append({ time, ordinal, wallTime, ...place(collection), change, transaction: identity });
      });
      finish(transaction, 'committed');
    },
    abort: (transaction) => finish(transaction, 'aborted'),
    log({ db, name, uuid }, change) {
      const time = clusterClock.next();
      if (change.kind === 'drop' || change.kind === 'rename') history.collectionGone(`${db}.${name}`, time);
      if (change.kind === 'rename') history.collectionGone(`${change.to.db}.${change.to.name}`, time);
      oplog.append({ time, ordinal: 0, wallTime: now(), db, name, uuid, change });
    },
  };
}

const place = ({ db, name, uuid }: Collection) => ({ db, name, uuid });

function claimUniqueKeys(
  view: CollectionView,
  idKey: string,
  document: Document,
  transactions: Transactions,
  transaction: Transaction | undefined,
): void {
  const { collection } = view;
  for (const index of collection.indexes.values()) {
    if (!index.spec.unique) continue;
    for (const key of index.keysOf(document)) {
      transactions.claim(uniqueKey(collection, index, key), transaction);
      if (isHeldByOther(view, index, key, idKey)) throw duplicateKey(collection, index, document);
    }
  }
}

function isHeldByOther(view: CollectionView, index: CollectionIndex, key: string, idKey: string): boolean {
  for (const holder of index.holders(key)) if (holder !== idKey && !view.differing.has(holder)) return true;
  for (const [other, bytes] of view.differing) {
    if (other !== idKey && bytes && index.keysOf(decode(bytes)).includes(key)) return true;
  }
  return false;
}

function duplicateId(collection: Collection, document: Document | undefined): CommandError {
  return duplicate(collection.namespace, '_id_', { _id: 1 }, { _id: document?._id });
}

/** The error of a unique index, with the values that are taken. */
export function duplicateKey(collection: Collection, index: CollectionIndex, document: Document): CommandError {
  const keyValue = Object.fromEntries(
    index.spec.fields.map(({ path }) => [path, valuesAt(document, path.split('.'))[0] ?? null]),
  );
  return duplicate(collection.namespace, index.spec.name, index.spec.key, keyValue);
}

function duplicate(namespace: string, index: string, keyPattern: Document, keyValue: Document): CommandError {
  return new CommandError(
    11000,
    `E11000 duplicate key error collection: ${namespace} index: ${index} dup key: ${shellText(keyValue)}`,
    {
      details: { keyPattern, keyValue },
    },
  );
}
