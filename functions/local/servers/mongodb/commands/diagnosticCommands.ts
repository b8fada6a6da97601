import { Int32, Long } from 'bson';
import { helloAuthentication } from '../auth/saslCommands.ts';
import { isDocument } from '../bson/values.ts';
import type { CommandHandler, CommandTable, Operation } from '../operation.ts';
import { toTimestamp } from '../storage/clusterClock.ts';
import { maxDocumentBytes, serverVersion } from '../topology.ts';

const hello =
  (legacy: boolean): CommandHandler =>
  ({ deployment, connection, fields }) => {
    const { client } = fields.body;
    if (isDocument(client) && isDocument(client.application)) connection.appName = String(client.application.name);
    const time = toTimestamp(deployment.clusterClock.current());
    const date = new Date(deployment.clock.now());
    return {
      fields: {
        ...deployment.topology.hello({
          connectionId: connection.id,
          now: deployment.clock.now(),
          legacy,
          lastWrite: {
            opTime: { ts: time, t: Long.fromNumber(1) },
            lastWriteDate: date,
            majorityOpTime: { ts: time, t: Long.fromNumber(1) },
            majorityWriteDate: date,
          },
        }),
        ...helloAuthentication(connection, deployment.users, fields.body),
      },
    };
  };

const versionParts = serverVersion.split('.').map((part) => new Int32(Number(part)));

function serverStatus({ deployment }: Operation) {
  const { topology, clock, cursors, sessions } = deployment;
  return {
    fields: {
      host: 'lockstep',
      version: serverVersion,
      process: 'mongod',
      pid: Long.fromNumber(process.pid),
      localTime: new Date(clock.now()),
      ...(topology.replicaSet === undefined
        ? {}
        : { repl: { setName: topology.replicaSet, isWritablePrimary: topology.writable } }),
      storageEngine: { name: 'inMemory', supportsCommittedReads: true, persistent: false },
      metrics: { cursor: { open: { total: Long.fromNumber(cursors.size) } } },
      logicalSessionRecordCache: { activeSessionsCount: new Int32(sessions.size) },
    },
  };
}

export const diagnosticCommands: CommandTable = {
  hello: hello(false),
  isMaster: hello(true),
  ismaster: hello(true),
  ping: () => ({ fields: {} }),
  buildInfo: () => ({
    fields: {
      version: serverVersion,
      versionArray: [...versionParts, new Int32(0)],
      gitVersion: 'lockstep',
      modules: [],
      bits: new Int32(64),
      debug: false,
      maxBsonObjectSize: new Int32(maxDocumentBytes),
      storageEngines: ['inMemory'],
    },
  }),
  buildinfo: (operation) => diagnosticCommands.buildInfo?.(operation) ?? { fields: {} },
  serverStatus,
  hostInfo: () => ({ fields: { system: { hostname: 'lockstep' }, os: { type: process.platform }, extra: {} } }),
  getCmdLineOpts: () => ({ fields: { argv: ['lockstep'], parsed: {} } }),
  getLog: () => ({ fields: { totalLinesWritten: new Int32(0), log: [] } }),
  whatsmyuri: ({ connection }) => ({ fields: { you: `connection ${connection.id}` } }),
};
