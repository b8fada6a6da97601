import { Int32, Long } from 'bson';
import { helloAuthentication } from '../auth/saslCommands.ts';
import { isDocument } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
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

function replicaSetStatus({ deployment }: Operation) {
  const { topology, clock, clusterClock } = deployment;
  if (topology.replicaSet === undefined) throw new CommandError(76, 'not running with --replSet');
  const state = topology.writable
    ? { state: new Int32(1), stateStr: 'PRIMARY' }
    : { state: new Int32(2), stateStr: 'SECONDARY' };
  return {
    fields: {
      set: topology.replicaSet,
      date: new Date(clock.now()),
      myState: state.state,
      term: Long.fromNumber(1),
      members: [
        {
          _id: new Int32(0),
          health: new Int32(1),
          ...state,
          self: true,
          optime: { ts: toTimestamp(clusterClock.current()), t: Long.fromNumber(1) },
        },
      ],
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
  getParameter: ({ fields }) => {
    const known = {
      featureCompatibilityVersion: { version: '8.0' },
      transactionLifetimeLimitSeconds: new Int32(transactionLifetimeSeconds),
      authenticationMechanisms: ['SCRAM-SHA-256'],
      localLogicalSessionTimeoutMinutes: new Int32(30),
    };
    const wanted = Object.entries(known).filter(
      ([name]) => fields.body.getParameter === '*' || fields.body[name] !== undefined,
    );
    if (wanted.length === 0) throw new CommandError(72, 'no option found to get');
    return { fields: Object.fromEntries(wanted) };
  },
  serverStatus,
  replSetGetStatus: replicaSetStatus,
  replSetGetConfig: ({ deployment }) => ({
    fields: { config: { _id: deployment.topology.replicaSet ?? null, version: new Int32(1), members: [] } },
  }),
  hostInfo: () => ({ fields: { system: { hostname: 'lockstep' }, os: { type: process.platform }, extra: {} } }),
  getCmdLineOpts: () => ({ fields: { argv: ['lockstep'], parsed: {} } }),
  getLog: () => ({ fields: { totalLinesWritten: new Int32(0), log: [] } }),
  getFreeMonitoringStatus: () => ({ fields: { state: 'disabled' } }),
  whatsmyuri: ({ connection }) => ({ fields: { you: `connection ${connection.id}` } }),
  listCommands: () => ({ fields: { commands: {} } }),
  profile: () => ({ fields: { was: new Int32(0), slowms: new Int32(100), sampleRate: 1 } }),
  setParameter: () => ({ fields: { was: null } }),
  setClusterParameter: () => ({ fields: {} }),
};

/** A transaction that has been open for so long is aborted, in seconds; the default of a real server. */
export const transactionLifetimeSeconds = 60;
