import { type Document, isDocument } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { CommandTable, Operation } from '../operation.ts';
import { transactionNumber } from '../sessions/sessions.ts';

function endAll({ deployment, connection }: Operation, lsids: readonly unknown[]): void {
  for (const lsid of lsids) {
    const session = isDocument(lsid) ? deployment.sessions.find(lsid, connection.user) : undefined;
    if (session) deployment.endSession(session);
  }
}

export const noSuchTransaction = (number: bigint) =>
  new CommandError(251, `Given transaction number ${number} does not match any in-progress transactions.`);

/** The transaction that a commit or abort is about; it need not be open any more. */
function transactionOf({ session, fields }: Operation) {
  const number = transactionNumber(fields.body.txnNumber) ?? -1n;
  if (!session) throw new CommandError(20, `${fields.command} must be run within a transaction`);
  if (!session.transaction || session.txnNumber !== number) throw noSuchTransaction(number);
  return { transaction: session.transaction, number };
}

const ok: { fields: Document } = { fields: {} };

export const sessionCommands: CommandTable = {
  commitTransaction(operation) {
    const { transaction, number } = transactionOf(operation);
    if (transaction.state === 'aborted') throw noSuchTransaction(number);
    if (transaction.state === 'open') operation.deployment.writer.commit(transaction);
    return ok;
  },

  abortTransaction(operation) {
    const { transaction, number } = transactionOf(operation);
    if (transaction.state === 'committed') throw new CommandError(256, `Transaction ${number} has been committed.`);
    if (transaction.state === 'aborted') throw noSuchTransaction(number);
    operation.deployment.writer.abort(transaction);
    return ok;
  },

  endSessions(operation) {
    endAll(operation, operation.fields.array('endSessions') ?? []);
    return ok;
  },

  killSessions(operation) {
    endAll(operation, operation.fields.array('killSessions') ?? []);
    return ok;
  },

  refreshSessions({ fields, deployment, connection }) {
    for (const lsid of fields.documents('refreshSessions')) deployment.sessions.open(lsid, connection.user);
    return ok;
  },

  startSession({ session }) {
    return { fields: { id: session?.lsid ?? null, timeoutMinutes: 30 } };
  },
};
