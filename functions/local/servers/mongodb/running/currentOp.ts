import { Int32, Long } from 'bson';
import { sameName } from '../auth/users.ts';
import { type Document, isNumeric, toNumber } from '../bson/values.ts';
import { illegalOperation, notImplemented, typeMismatch } from '../errors.ts';
import type { CommandTable, Operation } from '../operation.ts';
import { compileFilter } from '../query/matcher.ts';
import { isGeneric } from '../requests/genericFields.ts';
import type { RunningOperation } from './runningOperations.ts';

const kinds: Readonly<Record<string, string>> = {
  find: 'query',
  getMore: 'getmore',
  insert: 'insert',
  update: 'update',
  delete: 'remove',
};

function describeOperation({ id, request, startedAt }: RunningOperation, now: number): Document {
  const { name, db, body, connection } = request;
  const target = name === 'getMore' ? body.collection : body[name];
  return {
    type: 'op',
    desc: `conn${connection.id}`,
    connectionId: new Int32(connection.id),
    ...(connection.appName === undefined ? {} : { appName: connection.appName }),
    active: true,
    currentOpTime: new Date(now).toISOString(),
    effectiveUsers: connection.user ? [{ user: connection.user.name, db: connection.user.db }] : [],
    opid: new Int32(id),
    ...(body.lsid === undefined ? {} : { lsid: body.lsid }),
    secs_running: Long.fromNumber(Math.floor((now - startedAt) / 1000)),
    microsecs_running: Long.fromNumber((now - startedAt) * 1000),
    op: kinds[name] ?? 'command',
    ns: `${db}.${typeof target === 'string' ? target : '$cmd'}`,
    command: body,
  };
}

/** The commands that are being run: of all users, or of the own one. Throws 238 for options that show more. */
export function currentOperations({ deployment, connection }: Operation, options: Document): Document[] {
  for (const option of ['idleConnections', 'idleCursors', 'backtrace']) {
    if (options[option] === true) throw notImplemented(`$currentOp with '${option}'`);
  }
  const { running, clock } = deployment;
  return running
    .all()
    .filter(({ request }) => options.allUsers === true || sameName(request.connection.user, connection.user))
    .map((operation) => describeOperation(operation, clock.now()));
}

export const runningCommands: CommandTable = {
  currentOp(operation) {
    const { fields, evaluation, db } = operation;
    if (db !== 'admin') throw illegalOperation('currentOp may only be run against the admin database.');
    const { $ownOps: own, $all: all, ...rest } = fields.body;
    const filter = Object.entries(rest).filter(([name]) => name !== 'currentOp' && !isGeneric(name));
    const matches = compileFilter(Object.fromEntries(filter), evaluation);
    const shown = currentOperations(operation, { allUsers: own !== true, idleConnections: all });
    return { fields: { inprog: shown.filter((one) => matches(one)) } };
  },

  killOp({ fields, deployment, db }) {
    if (db !== 'admin') throw illegalOperation('killOp may only be run against the admin database.');
    const { op } = fields.body;
    if (!isNumeric(op)) throw typeMismatch('Expected field "op" to be of type number');
    deployment.running.kill(toNumber(op));
    return { fields: { info: 'attempting to kill op' } };
  },
};
