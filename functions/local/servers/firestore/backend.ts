import type { ConsistencyMessage, TimestampMessage } from './messages.ts';
import type { IndexCheck } from './query/indexCheck.ts';
import { invalidArgument } from './status.ts';
import type { Database, View } from './store/database.ts';
import type { Transaction } from './store/transactions.ts';
import { type Micros, microsOf, timestampOf } from './values/document.ts';

/** What all handlers work on. */
export interface Backend {
  /** The database of that name; it comes into being when it is first asked for. @throws FirestoreError INVALID_ARGUMENT
   *  if that is no name of one */
  database(name: string | undefined): Database;
  readonly indexCheck: IndexCheck;
  /** An id for a document that the client left unnamed. */
  newDocumentId(): string;
}

/** The state that a read request asks for.
 *  @returns the transaction as well if the request starts one: its token goes into the response, and it ends if the
 *  read fails */
export function viewOf(
  database: Database,
  request: ConsistencyMessage,
): { view: View; started: Transaction | undefined } {
  if (request.transaction) {
    return {
      view: { type: 'transaction', transaction: database.transactions.get(request.transaction) },
      started: undefined,
    };
  }
  if (request.newTransaction) {
    const { readOnly } = request.newTransaction;
    const started = database.begin({ readOnly: readOnly !== undefined, readTime: optionalMicros(readOnly?.readTime) });
    return { view: { type: 'transaction', transaction: started }, started };
  }
  if (request.readTime) return { view: { type: 'past', time: microsOf(request.readTime) }, started: undefined };
  return { view: { type: 'now' }, started: undefined };
}

/** A time that a message may leave out. */
export const optionalMicros = (timestamp: TimestampMessage | undefined): Micros | undefined =>
  timestamp && microsOf(timestamp);

/** Runs a read, and ends the transaction that it started if it fails: the client never learns its token. */
export async function withStarted<Result>(
  database: Database,
  started: Transaction | undefined,
  read: () => Promise<Result>,
): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (started) database.transactions.end(started);
    throw error;
  }
}

/** The fields of a response that say as of when it holds. */
export const readTime = (time: Micros) => ({ readTime: timestampOf(time) });

/** A field that a request must have. @throws FirestoreError INVALID_ARGUMENT */
export function required<Field>(field: Field | undefined, name: string): Field {
  if (field === undefined) throw invalidArgument(`The request lacks the field "${name}".`);
  return field;
}
