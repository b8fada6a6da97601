import type { Transaction } from 'firebase-admin/firestore';
import type { EncodedMessage } from '../events/codec.ts';
import type { AuditFacts } from './entry.ts';

/** Topics that a decision may publish to. */
export type OutboxTopic = 'events' | 'reconciliationRequests';

/** What a transaction that decides something leaves besides its effect. */
export interface Trace {
  /** Writes the audit entry of what this transaction does; at most once, and only if it changes something. */
  record(facts: AuditFacts): void;
  /** Keeps a message in the same transaction. It is published right after it, and again until it was. Messages of the
   *  same id are the same message. */
  publish(topic: OutboxTopic, id: string, message: EncodedMessage): void;
}

/** What became of a transaction. */
export interface Committed<T> {
  readonly value: T;
  /** Of its audit entry; null when it left none. */
  readonly sequence: number | null;
  /** Why its message is not published yet: it is kept, and the relay's next run publishes it. Undefined when there is
   *  nothing left to publish. */
  readonly unpublished: unknown;
}

/** Runs a transaction of an action together with its trace: both, or neither (I12). What is given reads first and
 *  writes then, and may run more than once.
 *  @throws AuditHeadError, and what the work or Firestore answered: then nothing was written. */
export type Transact = <T>(work: (transaction: Transaction, trace: Trace) => Promise<T>) => Promise<Committed<T>>;
