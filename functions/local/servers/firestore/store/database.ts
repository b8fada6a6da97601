import type { Clock } from '../../../../src/clock.ts';
import type { IndexEntries } from '../query/indexEntries.ts';
import { FirestoreError } from '../status.ts';
import type { Micros, StoredDocument } from '../values/document.ts';
import { createHistory } from './history.ts';
import { createLocks, type ReadSet, type Touched, touchedEntries } from './locks.ts';
import { type Change, createStore, type EntryChange, type Store } from './store.ts';
import { createTransactions, type Transaction, type Transactions } from './transactions.ts';
import { createWaiting, type Party } from './waiting.ts';
import { applyWrite, type Write, type Written } from './writes.ts';

/** What a commit did. */
export interface Committed {
  readonly time: Micros;
  /** One for each write, in order. */
  readonly results: readonly Written[];
}

/** Something that was read, with the time as of which it holds. */
export interface Read<Result> {
  readonly result: Result;
  readonly time: Micros;
}

/** Which state of the database a read is to see: the newest, that of an open transaction, or that of an earlier
 *  time. */
export type View =
  | { readonly type: 'now' }
  | { readonly type: 'transaction'; readonly transaction: Transaction }
  | { readonly type: 'past'; readonly time: Micros };

/** One database: documents, transactions and who wants to know of changes. */
export interface Database {
  /** `projects/P/databases/D` */
  readonly name: string;
  readonly store: Store;
  readonly transactions: Transactions;
  /** Starts a transaction.
   *  @param readTime  for a read-only one: as of when it reads; undefined means now */
  begin(options: { readonly readOnly: boolean; readonly readTime?: Micros | undefined }): Transaction;
  /** Runs `read`, again if it had to wait meanwhile. In a read-write transaction, what it reads is locked until the
   *  transaction ends.  @throws FirestoreError ABORTED by a deadlock or the lock timeout, FAILED_PRECONDITION if a past
   *  state is not kept any more */
  read<Result>(
    view: View,
    signal: AbortSignal,
    read: (store: Store) => { result: Result; set: ReadSet },
  ): Promise<Read<Result>>;
  /** Makes all writes or none, as soon as no other transaction relies on what they change. Ends the transaction in any
   *  case.  @throws FirestoreError by a precondition or a limit, ABORTED by a deadlock or the lock timeout */
  commit(writes: readonly Write[], transaction: Transaction | undefined, signal: AbortSignal): Promise<Committed>;
  /** Tells a subscriber of what happens, until the returned function is called. */
  subscribe(subscriber: Subscriber): () => void;
  readonly subscribers: number;
  /** Tells this database from one of the same name that was there before. */
  readonly incarnation: string;
  /** Time of the newest commit that changed something. */
  readonly lastChange: Micros;
  /** A time that no later commit will have. */
  now(): Micros;
  /** Ends all transactions and subscriptions. */
  close(): void;
}

export interface Subscriber {
  /** After every commit that changed something. */
  changed(changes: readonly Change[], time: Micros): void;
  /** There will be no more. */
  closed(): void;
}

const microsPerMilli = 1000;

/** Microseconds to put after a clock's milliseconds, never none: production's commits do not fall on whole
 *  milliseconds, so that `updateTime` differs from what a server timestamp wrote. Derived from the last time, to be
 *  repeatable. */
const microsInto = (lastTime: Micros) => 1 + ((lastTime + 388) % (microsPerMilli - 1));

/** What came of trying to commit: it is done, or these others rely on what it touches. */
type Attempt =
  | { readonly type: 'done'; readonly committed: Committed }
  | { readonly type: 'blocked'; readonly blockers: ReadonlySet<Party>; readonly touched: Touched };

export interface DatabaseOptions {
  readonly clock: Clock;
  readonly lockTimeoutMs: number;
  readonly indexEntries: IndexEntries;
  readonly newToken: () => Buffer;
  /** For triggers: called like a subscriber. */
  readonly changed: (changes: readonly Change[], time: Micros) => void;
}

export function createDatabase(name: string, options: DatabaseOptions): Database {
  const { clock, lockTimeoutMs, indexEntries, newToken, changed } = options;
  const store = createStore();
  const locks = createLocks();
  const waiting = createWaiting(clock, lockTimeoutMs);
  const history = createHistory(clock);
  const subscribers = new Set<Subscriber>();
  const incarnation = newToken().toString('base64url');
  let lastTime: Micros = 0;
  let lastChange: Micros = 0;

  const transactions = createTransactions(clock, newToken, (transaction) => {
    locks.release(transaction);
    waiting.ended(transaction);
  });

  const now = () => {
    lastTime = Math.max(lastTime, clock.now() * microsPerMilli);
    return lastTime;
  };

  /** Makes the writes unless somebody else relies on what they change. Nothing may come between looking and making, so
   *  this never waits. */
  const tryCommit = (writes: readonly Write[], party: Party): Attempt => {
    const paths = new Set(writes.map(({ path }) => path));
    const byPath: Touched = { paths, entries: new Map() };
    const readers = locks.holders(byPath, party);
    if (readers.size > 0) return { type: 'blocked', blockers: readers, touched: byPath };
    const time = Math.max(lastTime + 1, clock.now() * microsPerMilli + microsInto(lastTime));
    const { changes, results } = evaluate(name, store, indexEntries, writes, time);
    indexEntries.checkTransaction(changes);
    let entries: (readonly EntryChange[])[] | undefined;
    if (locks.othersHoldRanges(party)) {
      entries = changes.map((change) => store.entriesOf(change));
      const touched: Touched = { paths, entries: touchedEntries(entries.flat(), store.everywhere) };
      const blockers = locks.holders(touched, party);
      if (blockers.size > 0) return { type: 'blocked', blockers, touched };
    }
    lastTime = time;
    changes.forEach((change, index) => {
      store.apply(change, entries?.[index]);
    });
    if (changes.length > 0) {
      lastChange = time;
      history.record(time, changes);
      for (const subscriber of subscribers) subscriber.changed(changes, time);
      changed(changes, time);
    }
    return { type: 'done', committed: { time, results } };
  };

  const commit = async (writes: readonly Write[], transaction: Transaction | undefined, signal: AbortSignal) => {
    const party: Party = transaction ?? { writes };
    try {
      for (;;) {
        // It may have expired while it waited; then it holds its locks no more.
        if (transaction) transactions.get(transaction.token);
        const attempt = tryCommit(writes, party);
        if (attempt.type === 'done') return attempt.committed;
        locks.announce(party, attempt.touched);
        try {
          await waiting.waitFor(party, attempt.blockers, signal);
        } finally {
          locks.withdraw(party);
        }
      }
    } finally {
      if (transaction) transactions.end(transaction);
      waiting.ended(party);
    }
  };

  const readLocked = async <Result>(
    transaction: Transaction,
    signal: AbortSignal,
    read: (store: Store) => { result: Result; set: ReadSet },
  ): Promise<Read<Result>> => {
    for (;;) {
      const { result, set } = read(store);
      const rivals = locks.announcedAgainst(set, transaction);
      // Letting a write that already waits go first is only fairness: never at the price of a deadlock.
      if (rivals.size === 0 || waiting.wouldDeadlock(transaction, rivals)) {
        locks.share(transaction, set);
        return { result, time: now() };
      }
      await waiting.waitFor(transaction, rivals, signal);
      transactions.get(transaction.token);
    }
  };

  return {
    name,
    store,
    transactions,
    begin({ readOnly, readTime }) {
      if (!readOnly) return transactions.begin();
      const time = readTime ?? now();
      return transactions.begin({ store: history.storeAt(store, time, now()), time });
    },
    async read(view, signal, read) {
      if (view.type === 'past')
        return { result: read(history.storeAt(store, view.time, now())).result, time: view.time };
      if (view.type === 'now') return { result: read(store).result, time: now() };
      const { snapshot } = view.transaction;
      if (snapshot) return { result: read(snapshot.store).result, time: snapshot.time };
      return readLocked(view.transaction, signal, read);
    },
    commit(writes, transaction, signal) {
      if (transaction?.snapshot && writes.length > 0) {
        transactions.end(transaction);
        throw new FirestoreError('INVALID_ARGUMENT', 'Cannot modify entities in a read-only transaction.');
      }
      return commit(writes, transaction, signal);
    },
    subscribe(subscriber) {
      subscribers.add(subscriber);
      return () => void subscribers.delete(subscriber);
    },
    incarnation,
    get lastChange() {
      return lastChange;
    },
    get subscribers() {
      return subscribers.size;
    },
    now,
    close() {
      transactions.endAll();
      for (const subscriber of [...subscribers]) subscriber.closed();
      subscribers.clear();
    },
  };
}

/** What writes would do, without doing it. Several writes of one document see each other's effect. */
function evaluate(database: string, store: Store, indexEntries: IndexEntries, writes: readonly Write[], time: Micros) {
  const pending = new Map<string, { before: StoredDocument | undefined; after: StoredDocument | undefined }>();
  const results: Written[] = [];
  for (const write of writes) {
    const entry = pending.get(write.path) ?? startOf(store, write.path);
    const written = applyWrite(database, indexEntries, entry.after, write, time);
    pending.set(write.path, { before: entry.before, after: written.document });
    results.push(written);
  }
  const changes: Change[] = [];
  for (const [path, { before, after }] of pending) if (before !== after) changes.push({ path, before, after });
  return { changes, results };
}

function startOf(store: Store, path: string) {
  const before = store.get(path);
  return { before, after: before };
}
