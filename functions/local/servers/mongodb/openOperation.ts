import { Long } from 'bson';
import { type Document, isDocument } from './bson/values.ts';
import { transactionCommands } from './commands/commandTable.ts';
import { transactionLifetimeSeconds } from './commands/parameterCommands.ts';
import { noSuchTransaction } from './commands/sessionCommands.ts';
import type { Deployment } from './deployment.ts';
import { CommandError, steppedDown } from './errors.ts';
import { withLet } from './expression/letVariables.ts';
import { createEvaluation } from './expression/scope.ts';
import { meetTransactionalWrite } from './failPoints/failCommand.ts';
import type { Operation } from './operation.ts';
import { readFields } from './requests/fields.ts';
import { snapshotTime } from './requests/readConcern.ts';
import type { Request } from './requests/request.ts';
import { type Session, sessionTimeoutMinutes, transactionNumber } from './sessions/sessions.ts';
import { createTransaction, type Transaction } from './sessions/transaction.ts';
import { HeldByTransaction } from './sessions/transactions.ts';
import { type OpTime, toTimestamp } from './storage/clusterClock.ts';
import { viewOf } from './storage/view.ts';

const msPerMinute = 60_000;
const msPerSecond = 1000;

/** Finds the session and the transaction of a command. Throws 225, 251 or 263 where it cannot have one. */
export function openOperation(
  { name, db, body, sequences, connection, signal }: Request,
  deployment: Deployment,
): Operation {
  endIdleSessions(deployment);
  const session = isDocument(body.lsid) ? deployment.sessions.open(body.lsid, connection.user) : undefined;
  const number = transactionNumber(body.txnNumber);
  const snapshot = snapshotTime(name, body, deployment);
  const transaction =
    session && number !== undefined ? enterTransaction(name, body, session, number, snapshot, deployment) : undefined;
  const retryable = session !== undefined && number !== undefined && body.autocommit === undefined;
  const { clock, clusterClock, random } = deployment;
  const readTime = transaction?.readTime ?? snapshot;
  const evaluation = createEvaluation({ now: clock.now(), clusterTime: toTimestamp(clusterClock.current()), random });
  return {
    deployment,
    db,
    fields: readFields(name, body),
    sequences,
    session,
    transaction,
    retryable,
    evaluation: withLet(evaluation, body.let),
    connection,
    signal,
    readTime,
    view: (collection) => viewOf(collection, readTime && { history: deployment.history, time: readTime, transaction }),
    once: (statement, run) =>
      runOnce(
        statement,
        retryable ? () => meetTransactionalWrite(run, deployment, connection) : run,
        retryable ? session : undefined,
        (held) => whenEnded(held, deployment, signal),
      ),
  };
}

function endIdleSessions(deployment: Deployment): void {
  const deadline = deployment.clock.now() - sessionTimeoutMinutes * msPerMinute;
  for (const session of deployment.sessions.idleSince(deadline)) deployment.endSession(session);
}

/** Moves a session to the number of a command, and finds or begins the transaction that the command belongs to. */
function enterTransaction(
  name: string,
  body: Document,
  session: Session,
  number: bigint,
  snapshot: OpTime | undefined,
  deployment: Deployment,
): Transaction | undefined {
  if (deployment.topology.replicaSet === undefined) {
    throw new CommandError(20, 'Transaction numbers are only allowed on a replica set member or mongos');
  }
  if (number < session.txnNumber) {
    throw new CommandError(225, `Transaction ${number} is older than the session's ${session.txnNumber}`);
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
  if (body.startTransaction === true) return beginTransaction(session, number, snapshot, deployment);
  if (session.transaction?.state !== 'open') throw noSuchTransaction(number);
  return session.transaction;
}

function beginTransaction(
  session: Session,
  number: bigint,
  snapshot: OpTime | undefined,
  deployment: Deployment,
): Transaction {
  const { clock, clusterClock, transactions, writer } = deployment;
  const transaction = createTransaction(
    { lsid: { ...session.lsid, uid: session.uid }, txnNumber: Long.fromBigInt(number) },
    snapshot ?? clusterClock.current(),
  );
  session.transaction = transaction;
  transactions.begin(transaction);
  const cancel = clock.after(transactionLifetimeSeconds * msPerSecond, () => {
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
