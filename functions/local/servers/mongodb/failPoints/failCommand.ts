import { sleep } from '../../../../src/clock.ts';
import type { ClientConnection } from '../clientConnection.ts';
import type { Deployment } from '../deployment.ts';
import { CommandError, errorName, illegalOperation } from '../errors.ts';
import type { CommandTable, Reply } from '../operation.ts';
import type { Request } from '../requests/request.ts';
import type { FailPointData } from './parseFailPoint.ts';

export const failPointCommands: CommandTable = {
  configureFailPoint({ db, fields, deployment }) {
    if (db !== 'admin') throw illegalOperation('configureFailPoint may only be run against the admin database.');
    const { mode, data } = fields.body;
    return { fields: { count: deployment.failPoints.configure(fields.string('configureFailPoint'), mode, data) } };
  },
};

/** Meets `failCommand`: waits, closes the connection or throws as it says. What is left to do comes with the answer. */
export async function meetFailCommand(
  { name, db, body, connection, signal }: Request,
  { failPoints, clock }: Deployment,
): Promise<FailPointData | undefined> {
  // Or nobody could switch it off again.
  if (name === 'configureFailPoint') return undefined;
  const failure = failPoints.meet('failCommand', (data) => {
    if (data.appName !== undefined && data.appName !== connection.appName) return false;
    if (data.namespace !== undefined && data.namespace !== `${db}.${String(body[name])}`) return false;
    return data.failAllCommands || data.failCommands.includes(name);
  });
  if (failure?.blockMs !== undefined) await sleep(clock, failure.blockMs, signal);
  if (failure) failAsTold(failure, connection, "Failing command via 'failCommand' failpoint");
  return failure;
}

/** Fails a `getMore` that has its cursor already; the cursor is lost with it. */
export function meetFailGetMore({ failPoints }: Deployment, connection: ClientConnection): void {
  const failure = failPoints.meet('failGetMoreAfterCursorCheckout');
  if (failure) failAsTold(failure, connection, "Hit the 'failGetMoreAfterCursorCheckout' failpoint");
}

/** Runs a statement that a driver may send again: it fails before it has an effect, or its answer is lost. */
export function meetTransactionalWrite<T>(run: () => T, { failPoints }: Deployment, connection: ClientConnection): T {
  const failure = failPoints.meet('onPrimaryTransactionalWrite');
  if (failure?.errorCode !== undefined) {
    throw new CommandError(failure.errorCode, 'failing write due to onPrimaryTransactionalWrite failpoint');
  }
  const result = run();
  if (failure?.closeConnection) connection.close();
  return result;
}

function failAsTold(
  { closeConnection, errorCode, errorLabels }: FailPointData,
  connection: ClientConnection,
  message: string,
): void {
  if (closeConnection) {
    connection.close();
    throw new CommandError(9001, 'the connection was closed by a fail point');
  }
  if (errorCode !== undefined) throw new CommandError(errorCode, message, errorLabels ? { labels: errorLabels } : {});
}

/** The answer of a command that ran all the same: with the error of a write concern. */
export function withWriteConcernError(
  reply: Reply,
  failure: FailPointData | undefined,
  labelsOf: (code: number) => readonly string[],
): Reply {
  const given = failure?.writeConcernError;
  if (!given) return reply;
  const code = Number(given.code ?? 64);
  const labels = failure?.errorLabels ?? labelsOf(code);
  return {
    ...reply,
    fields: {
      ...reply.fields,
      writeConcernError: { codeName: errorName(code), ...given },
      ...(labels.length > 0 ? { errorLabels: [...labels] } : {}),
    },
  };
}
