import { Int32, Long } from 'bson';
import { isNumeric, toNumber } from '../bson/values.ts';
import { badValue, CommandError } from '../errors.ts';
import type { CommandTable, Operation } from '../operation.ts';
import { toTimestamp } from '../storage/clusterClock.ts';

const msPerSecond = 1000;
const term = Long.fromNumber(1);

function setName({ deployment }: Operation): string {
  const { replicaSet } = deployment.topology;
  if (replicaSet === undefined) throw new CommandError(76, 'not running with --replSet');
  return replicaSet;
}

/** The replica set, whose only member this server is. */
export const replicaSetCommands: CommandTable = {
  replSetGetStatus(operation) {
    const { topology, clock, clusterClock } = operation.deployment;
    const set = setName(operation);
    const [state, stateStr] = topology.writable ? [1, 'PRIMARY'] : [2, 'SECONDARY'];
    const optime = { ts: toTimestamp(clusterClock.current()), t: term };
    const date = new Date(clock.now());
    const member = {
      _id: new Int32(0),
      name: topology.address(),
      health: new Int32(1),
      state: new Int32(state),
      stateStr,
    };
    return {
      fields: {
        set,
        date,
        myState: new Int32(state),
        term,
        members: [{ ...member, self: true, optime, optimeDate: date, configVersion: new Int32(1) }],
      },
    };
  },

  replSetGetConfig(operation) {
    const member = {
      _id: new Int32(0),
      host: operation.deployment.topology.address(),
      arbiterOnly: false,
      buildIndexes: true,
      hidden: false,
      priority: new Int32(1),
      tags: {},
      secondaryDelaySecs: Long.fromNumber(0),
      votes: new Int32(1),
    };
    const config = {
      _id: setName(operation),
      version: new Int32(1),
      term: new Int32(1),
      members: [member],
      protocolVersion: Long.fromNumber(1),
      writeConcernMajorityJournalDefault: true,
    };
    return { fields: { config } };
  },

  replSetStepDown(operation) {
    const { fields, deployment } = operation;
    setName(operation);
    const { replSetStepDown: given } = fields.body;
    const seconds = isNumeric(given) ? toNumber(given) : -1;
    if (seconds <= 0) throw badValue('stepdown period must be a positive integer');
    // Nobody else can become primary: a real server answers this after `secondaryCatchUpPeriodSecs`.
    if (!fields.boolean('force')) {
      throw new CommandError(
        262,
        'No electable secondaries caught up. Please use the replSetStepDown command with the argument {force: true} ' +
          'to force node to step down.',
      );
    }
    deployment.election.stepDown(seconds * msPerSecond);
    return { fields: {} };
  },
};
