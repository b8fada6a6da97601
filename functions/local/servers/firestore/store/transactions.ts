import type { Clock } from '../../../../src/clock.ts';
import { FirestoreError, invalidArgument } from '../status.ts';
import type { Micros } from '../values/document.ts';
import type { Store } from './store.ts';

/** A transaction ends by itself when nothing has been asked of it for this long (published limit), in ms. */
const idleMs = 60_000;
/** And when it is this old, whatever it does (published limit), in ms. */
const maxAgeMs = 270_000;

/** An open transaction. */
export interface Transaction {
  readonly token: Buffer;
  /** Set for read-only ones: what they read, whatever is written meanwhile. */
  readonly snapshot: { readonly store: Store; readonly time: Micros } | undefined;
}

/** The open transactions of one database. */
export interface Transactions {
  readonly size: number;
  begin(snapshot?: Transaction['snapshot']): Transaction;
  /** The open transaction of a token; its idle time starts anew.
   *  @throws FirestoreError INVALID_ARGUMENT if there is none (any more), worded so that client libraries know it from
   *  other invalid arguments */
  get(token: Buffer): Transaction;
  /** Ends a transaction, whatever became of it. */
  end(transaction: Transaction): void;
  /** Ends all of them. */
  endAll(): void;
}

interface Open {
  readonly transaction: Transaction;
  readonly started: number;
  used: number;
  cancelTimer: () => void;
}

/** @param onEnd  called with every transaction that ends, also when it expires */
export function createTransactions(
  clock: Clock,
  newToken: () => Buffer,
  onEnd: (transaction: Transaction) => void,
): Transactions {
  const open = new Map<string, Open>();

  const end = (transaction: Transaction) => {
    const key = transaction.token.toString('latin1');
    const entry = open.get(key);
    if (!entry) return;
    open.delete(key);
    entry.cancelTimer();
    onEnd(transaction);
  };

  const expiry = ({ started, used }: Open) => Math.min(used + idleMs, started + maxAgeMs);

  const watch = (entry: Open) => {
    entry.cancelTimer = clock.after(Math.max(0, expiry(entry) - clock.now()), () => {
      if (clock.now() >= expiry(entry)) end(entry.transaction);
      else watch(entry);
    });
  };

  return {
    get size() {
      return open.size;
    },
    begin(snapshot) {
      const transaction = { token: newToken(), snapshot };
      const now = clock.now();
      const entry: Open = { transaction, started: now, used: now, cancelTimer: () => {} };
      open.set(transaction.token.toString('latin1'), entry);
      watch(entry);
      return transaction;
    },
    get(token) {
      if (token.length === 0) throw invalidArgument('Invalid transaction.');
      const entry = open.get(token.toString('latin1'));
      if (!entry) {
        throw new FirestoreError('INVALID_ARGUMENT', 'The referenced transaction has expired or is no longer valid.');
      }
      entry.used = clock.now();
      return entry.transaction;
    },
    end,
    endAll() {
      for (const { transaction } of [...open.values()]) end(transaction);
    },
  };
}
