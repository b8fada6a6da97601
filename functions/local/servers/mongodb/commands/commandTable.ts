import { saslCommands } from '../auth/saslCommands.ts';
import { userCommands } from '../auth/userCommands.ts';
import { failPointCommands } from '../failPoints/failCommand.ts';
import type { CommandHandler, CommandTable } from '../operation.ts';
import { replicaSetCommands } from '../replicaSet/replicaSetCommands.ts';
import { runningCommands } from '../running/currentOp.ts';
import { aggregateCommands } from './aggregate.ts';
import { collectionCommands } from './collectionCommands.ts';
import { diagnosticCommands } from './diagnosticCommands.ts';
import { explainCommands } from './explain.ts';
import { findAndModifyCommands } from './findAndModify.ts';
import { indexCommands } from './indexCommands.ts';
import { parameterCommands } from './parameterCommands.ts';
import { readCommands } from './readCommands.ts';
import { sessionCommands } from './sessionCommands.ts';
import { writeCommands } from './writeCommands.ts';

const commands: CommandTable = {
  ...diagnosticCommands,
  ...parameterCommands,
  ...failPointCommands,
  ...replicaSetCommands,
  ...runningCommands,
  ...saslCommands,
  ...userCommands,
  ...sessionCommands,
  ...explainCommands,
  ...collectionCommands,
  ...indexCommands,
  ...readCommands,
  ...writeCommands,
  ...findAndModifyCommands,
  ...aggregateCommands,
  listCommands: () => ({ fields: { commands: Object.fromEntries(Object.keys(commands).map((name) => [name, {}])) } }),
};

export function findCommand(name: string): CommandHandler | undefined {
  return Object.hasOwn(commands, name) ? commands[name] : undefined;
}

/** Commands of the handshake, of a driver's monitoring and of operators: they work on a server that has stepped down.
 */
export const handshakeCommands: ReadonlySet<string> = new Set([
  ...['hello', 'isMaster', 'ismaster', 'ping', 'buildInfo', 'buildinfo', 'endSessions', 'connectionStatus'],
  ...[
    'saslStart',
    'saslContinue',
    'logout',
    'configureFailPoint',
    'replSetGetStatus',
    'replSetGetConfig',
    'currentOp',
    'killOp',
    'serverStatus',
    'getParameter',
    'whatsmyuri',
    'hostInfo',
  ],
]);

/** The commands that a transaction may contain. */
export const transactionCommands: ReadonlySet<string> = new Set([
  ...['find', 'getMore', 'killCursors', 'aggregate', 'distinct', 'insert', 'update', 'delete'],
  ...['findAndModify', 'findandmodify', 'commitTransaction', 'abortTransaction', 'create', 'createIndexes'],
]);
