import { Binary, Long, Timestamp } from 'bson';
import type { Faults } from '../faults.ts';
import { encode, encodeCursorReply } from './bson/codec.ts';
import { type Document, isDocument } from './bson/values.ts';
import { findCommand, handshakeCommands, transactionCommands } from './commands/command-table.ts';
import { TRANSACTION_LIFETIME_SECONDS } from './commands/diagnostic-commands.ts';
import { noSuchTransaction } from './commands/session-commands.ts';
import type { Deployment } from './deployment.ts';
import { CommandError, errorName, labelsFor, steppedDown } from './errors.ts';
import { createEvaluation } from './expression/scope.ts';
import { faultError, faultLatency } from './fault-point.ts';
import type { Operation, Reply } from './operation.ts';
import { readFields } from './requests/fields.ts';
import { SESSION_TIMEOUT_MINUTES, type Session, transactionNumber } from './sessions/sessions.ts';
import { createTransaction, type Transaction } from './sessions/transaction.ts';
import { HeldByTransaction } from './sessions/transactions.ts';
import { toTimestamp } from './storage/cluster-clock.ts';
import { viewOf } from './storage/view.ts';

/** A command from a client. */
export interface Request {
  readonly name: string;
  readonly db: string;
  readonly body: Document;
  readonly sequences: ReadonlyMap<string, readonly Uint8Array[]>;
  readonly connection: { readonly id: number; readonly signal: AbortSignal };
}

export type Outcome = { readonly kind: 'reply'; readonly bytes: Uint8Array } | { readonly kind: 'drop' };

export interface DispatchParts {
  readonly deployment: Deployment;
  readonly faults: Faults;
  readonly log: (line: string) => void;
}

const MS_PER_MINUTE = 60_000;
const MS_PER_SECOND = 1000;
const CLUSTER_TIME_HASH_BYTES = 20;

/** Runs a command from its fields to the bytes of its answer: session, faults, transaction, the command itself, errors with their labels. */
export async function dispatch(request: Request, parts: DispatchParts): Promise<Outcome> {
  const { deployment, faults } = parts;
  observeClusterTime(request.body, deployment);
  // Asked before the command runs: an error may close the cursor.
  const changeStream = isOnChangeStream(request, deployment);
  const fault = faults.take(request.name);
  try {
    if (fault) {
      await faultLatency(fault, deployment.clock, request.connection.signal);
      if (!fault.afterEffect) {
        if (fault.drop) return { kind: 'drop' };
        const error = faultError(fault);
        if (error) throw error;
      }
    }
    const reply = await run(request, deployment);
    if (fault?.afterEffect) {
      if (fault.drop) return { kind: 'drop' };
      const error = faultError(fault);
      if (error) throw error;
    }
    return { kind: 'reply', bytes: encodeReply(reply, deployment) };
  } catch (error) {
    return { kind: 'reply', bytes: errorReply(error, request, changeStream, parts) };
  }
}

function observeClusterTime(body: Document, { clusterClock }: Deployment): void {
  const given = body.$clusterTime;
  const time = isDocument(given) ? given.clusterTime : undefined;
  if (time instanceof Timestamp) clusterClock.observe({ t: time.t, i: time.i });
}

async function run(request: Request, deployment: Deployment): Promise<Reply> {
  const command = findCommand(request.name);
  if (!command) throw new CommandError(59, `no such command: '${request.name}'`);
  if (!deployment.topology.writable && !handshakeCommands.has(request.name))
    throw new CommandError(10107, 'not primary');
  if (request.db === '') throw new CommandError(73, 'a command needs a $db');
  const operation = openOperation(request, deployment);
  try {
    return await command(operation);
  } catch (error) {
    const { transaction } = operation;
    const ending = request.name === 'commitTransaction' || request.name === 'abortTransaction';
    if (transaction?.state === 'open' && !ending) deployment.writer.abort(transaction);
    throw error;
  }
}

function openOperation({ name, db, body, sequences, connection }: Request, deployment: Deployment): Operation {
  endIdleSessions(deployment);
  const session = isDocument(body.lsid) ? deployment.sessions.open(body.lsid) : undefined;
  const number = transactionNumber(body.txnNumber);
  const transaction =
    session && number !== undefined ? enterTransaction(name, body, session, number, deployment) : undefined;
  const retryable = session !== undefined && number !== undefined && body.autocommit === undefined;
  const { clock, clusterClock, random } = deployment;
  return {
    deployment,
    db,
    fields: readFields(name, body),
    sequences,
    session,
    transaction,
    retryable,
    evaluation: createEvaluation({ now: clock.now(), clusterTime: toTimestamp(clusterClock.current()), random }),
    connection,
    view: (collection) => viewOf(collection, transaction),
    once: (statement, run) =>
      runOnce(statement, run, retryable ? session : undefined, (held) =>
        whenEnded(held, deployment, connection.signal),
      ),
  };
}

function endIdleSessions(deployment: Deployment): void {
  const deadline = deployment.clock.now() - SESSION_TIMEOUT_MINUTES * MS_PER_MINUTE;
  for (const session of deployment.sessions.idleSince(deadline)) deployment.endSession(session);
}

/** Moves a session to the number of a command, and finds or begins the transaction that the command belongs to. */
function enterTransaction(
  name: string,
  body: Document,
  session: Session,
  number: bigint,
  deployment: Deployment,
): Transaction | undefined {
  if (deployment.topology.replicaSet === undefined) {
    throw new CommandError(20, 'Transaction numbers are only allowed on a replica set member or mongos');
  }
  if (number < session.txnNumber) {
    throw new CommandError(
      225,
      `Cannot start transaction with number ${number} on session because a newer transaction with number ${session.txnNumber} has already started.`,
    );
  }
  const ending = name === 'commitTransaction' || name === 'abortTransaction';
  if (number > session.txnNumber && !ending) {
    if (session.transaction?.state === 'open') deployment.writer.abort(session.transaction);
    session.transaction = undefined;
    session.results.clear();
    session.txnNumber = number;
  }
  if (body.autocommit !== false || ending) return undefined;
  if (!transactionCommands.has(name))
    throw new CommandError(263, `Cannot run '${name}' in a multi-document transaction.`);
  if (body.startTransaction === true) return beginTransaction(session, number, deployment);
  if (session.transaction?.state !== 'open') throw noSuchTransaction(number);
  return session.transaction;
}

function beginTransaction(session: Session, number: bigint, deployment: Deployment): Transaction {
  const { clock, transactions, writer } = deployment;
  const transaction = createTransaction({ lsid: session.lsid, txnNumber: Long.fromBigInt(number) }, clock.now());
  session.transaction = transaction;
  transactions.begin(transaction);
  const cancel = clock.after(TRANSACTION_LIFETIME_SECONDS * MS_PER_SECOND, () => {
    if (transaction.state === 'open') writer.abort(transaction);
  });
  transaction.ended.then(cancel, cancel);
  return transaction;
}

async function runOnce<T>(
  statement: number,
  run: () => T,
  session: Session | undefined,
  ended: (transaction: Transaction) => Promise<void>,
): Promise<{ result: T; retried: boolean }> {
  if (session?.results.has(statement)) {
    // The same statement of the same command: what it answered then has the type that it would answer now.
    return { result: session.results.get(statement) as T, retried: true };
  }
  for (;;) {
    try {
      const result = run();
      session?.results.set(statement, result);
      return { result, retried: false };
    } catch (error) {
      if (!(error instanceof HeldByTransaction)) throw error;
      await ended(error.transaction);
    }
  }
}

/** Waits for a transaction to end. Throws if the client has gone meanwhile or the server has ceased to be primary. */
async function whenEnded(transaction: Transaction, { topology }: Deployment, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const abort = () => resolve();
  signal.addEventListener('abort', abort, { once: true });
  await Promise.race([transaction.ended, promise]);
  signal.removeEventListener('abort', abort);
  if (signal.aborted) throw new CommandError(279, 'operation was interrupted because a client disconnected');
  if (!topology.writable) throw steppedDown();
}

function times({ topology, clusterClock }: Deployment): Document {
  if (topology.replicaSet === undefined) return {};
  const clusterTime = toTimestamp(clusterClock.current());
  const signature = { hash: new Binary(Buffer.alloc(CLUSTER_TIME_HASH_BYTES)), keyId: Long.fromNumber(0) };
  return { $clusterTime: { clusterTime, signature }, operationTime: clusterTime };
}

function encodeReply({ fields, batch }: Reply, deployment: Deployment): Uint8Array {
  const all = { ...fields, ok: 1, ...times(deployment) };
  return batch ? encodeCursorReply(batch, all) : encode(all);
}

function errorReply(
  error: unknown,
  request: Request,
  changeStream: boolean,
  { deployment, log }: DispatchParts,
): Uint8Array {
  const known = error instanceof CommandError ? error : internalError(error, request, log);
  const { body, name } = request;
  const labels =
    known.labels.length > 0
      ? known.labels
      : labelsFor(known.code, {
          command: name,
          inTransaction: body.autocommit === false,
          retryableWrite: body.txnNumber !== undefined && body.autocommit === undefined,
          changeStream,
        });
  return encode({
    ok: 0,
    errmsg: known.message,
    code: known.code,
    codeName: errorName(known.code),
    ...known.details,
    ...(labels.length > 0 ? { errorLabels: [...labels] } : {}),
    ...times(deployment),
  });
}

function internalError(error: unknown, { name }: Request, log: (line: string) => void): CommandError {
  log(`mongodb: ${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return new CommandError(1, error instanceof Error ? error.message : String(error));
}

function isOnChangeStream({ name, body }: Request, { cursors }: Deployment): boolean {
  if (name === 'aggregate') {
    const first = Array.isArray(body.pipeline) ? body.pipeline[0] : undefined;
    return isDocument(first) && '$changeStream' in first;
  }
  if (name !== 'getMore' || !(body.getMore instanceof Long)) return false;
  return cursors.find(body.getMore.toBigInt())?.changeStream === true;
}
