import { CommandError } from '../errors.ts';
import type { Transaction } from './transaction.ts';

/** Thrown when a write outside of a transaction meets what a transaction holds: it waits and is run again. */
export class HeldByTransaction extends Error {
  readonly transaction: Transaction;

  constructor(transaction: Transaction) {
    super('a transaction holds what is to be written');
    this.name = 'HeldByTransaction';
    this.transaction = transaction;
  }
}

/** What open transactions hold, so that two writers never change the same thing. */
export interface Transactions {
  readonly open: ReadonlySet<Transaction>;
  begin(transaction: Transaction): void;
  /** Takes a transaction and all that it holds off the books. */
  finish(transaction: Transaction): void;
  /** Claims a document or a unique key. Where another holds it: 112 (WriteConflict), or `HeldByTransaction`. */
  claim(key: string, writer: Transaction | undefined): void;
}

export const writeConflict = () => new CommandError(112, 'Write conflict. Please retry your operation or transaction.');

export function createTransactions(): Transactions {
  const open = new Set<Transaction>();
  const holders = new Map<string, Transaction>();
  return {
    open,
    begin: (transaction) => {
      open.add(transaction);
    },
    finish(transaction) {
      open.delete(transaction);
      for (const [key, holder] of holders) if (holder === transaction) holders.delete(key);
    },
    claim(key, writer) {
      const holder = holders.get(key);
      if (holder && holder !== writer) {
        if (writer) throw writeConflict();
        throw new HeldByTransaction(holder);
      }
      if (writer) holders.set(key, writer);
    },
  };
}
