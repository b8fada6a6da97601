import type { Clock } from '../../../src/clock.ts';
import { createUsers, type Users } from './auth/users.ts';
import { type Cursors, createCursors } from './cursors.ts';
import { createFailPoints, type FailPoints } from './failPoints/failPoints.ts';
import { createElection, type Election } from './replicaSet/election.ts';
import { createRunningOperations, type RunningOperations } from './running/runningOperations.ts';
import { createSessions, type Session, type Sessions } from './sessions/sessions.ts';
import { createTransactions, type Transactions } from './sessions/transactions.ts';
import { type Catalog, createCatalog } from './storage/catalog.ts';
import { type ClusterClock, createClusterClock } from './storage/clusterClock.ts';
import { createHistory, type History } from './storage/history.ts';
import { createOplog, type Oplog } from './storage/oplog.ts';
import { createWriter, type Writer } from './storage/writer.ts';
import { createTopology, type Topology } from './topology.ts';

/** What `setClusterParameter` sets. */
export interface Parameters {
  /** How long pre- and post-images are kept; infinity: as long as the log. */
  imagesExpireAfterSeconds: number;
}

/** All the state of one server, and what the commands work with. */
export interface Deployment {
  readonly clock: Clock;
  readonly random: () => number;
  /** Whether change streams are served as a router does. */
  readonly routed: boolean;
  readonly topology: Topology;
  readonly catalog: Catalog;
  readonly oplog: Oplog;
  readonly history: History;
  readonly clusterClock: ClusterClock;
  readonly sessions: Sessions;
  readonly transactions: Transactions;
  readonly writer: Writer;
  readonly cursors: Cursors;
  readonly users: Users;
  readonly failPoints: FailPoints;
  readonly parameters: Parameters;
  readonly running: RunningOperations;
  readonly election: Election;
  /** Ends a session with its transaction and its cursors. */
  endSession(session: Session): void;
}

export interface DeploymentOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly oplogLimit: number;
  readonly replicaSet: string | null;
  readonly routed: boolean;
  /** Whether commands are refused to those who lack a privilege. */
  readonly enforceUsers: boolean;
  /** `host:port`, known once the server listens. */
  readonly address: () => string;
}

export function createDeployment(options: DeploymentOptions): Deployment {
  const { clock } = options;
  const now = () => clock.now();
  const clusterClock = createClusterClock(clock);
  const oplog = createOplog(clusterClock.current(), options.oplogLimit);
  const history = createHistory();
  const transactions = createTransactions();
  const writer = createWriter({ oplog, history, clusterClock, transactions, now });
  const sessions = createSessions(now);
  const cursors = createCursors(now);
  const topology = createTopology(options);
  return {
    clock,
    random: options.random,
    routed: options.routed,
    topology,
    catalog: createCatalog(),
    oplog,
    history,
    clusterClock,
    sessions,
    transactions,
    writer,
    cursors,
    users: createUsers(options.enforceUsers),
    failPoints: createFailPoints(options.random),
    parameters: { imagesExpireAfterSeconds: Number.POSITIVE_INFINITY },
    running: createRunningOperations(now),
    election: createElection({ clock, topology, cursors, transactions, writer }),
    endSession(session) {
      if (session.transaction?.state === 'open') writer.abort(session.transaction);
      cursors.killAll(({ sessionKey }) => sessionKey === session.key);
      sessions.end(session.key);
    },
  };
}
