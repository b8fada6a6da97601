import { Timestamp } from 'bson';
import { type Document, isDocument } from '../bson/values.ts';
import type { Deployment } from '../deployment.ts';
import { badValue, CommandError, typeMismatch } from '../errors.ts';
import type { OpTime } from '../storage/clusterClock.ts';

const levels: ReadonlySet<unknown> = new Set([undefined, 'local', 'available', 'majority', 'linearizable', 'snapshot']);

const snapshotCommands: ReadonlySet<string> = new Set(['find', 'aggregate', 'distinct']);

/** Drivers put the concern of a session on these too, where it has no meaning. */
const indifferentCommands: ReadonlySet<string> = new Set(['getMore', 'killCursors', 'endSessions', 'killSessions']);

const invalidOptions = (message: string) => new CommandError(72, message);

/** The time that a snapshot read sees. Throws 72 (InvalidOptions) for a `readConcern` that a command cannot have. */
export function snapshotTime(
  command: string,
  { readConcern, pipeline, startTransaction }: Document,
  { topology, clusterClock }: Deployment,
): OpTime | undefined {
  if (readConcern === undefined || indifferentCommands.has(command)) return undefined;
  if (!isDocument(readConcern)) throw typeMismatch(`readConcern of ${command} must be an object`);
  const { level, atClusterTime, afterClusterTime } = readConcern;
  if (!levels.has(level))
    throw badValue(`Enumeration value '${String(level)}' for field 'level' is not a valid value.`);
  if (level === 'linearizable') refuseOutput(pipeline);
  if (level !== 'snapshot') {
    if (atClusterTime !== undefined)
      throw invalidOptions("readConcern.atClusterTime may only be used with level 'snapshot'");
    return undefined;
  }
  if (topology.replicaSet === undefined)
    throw new CommandError(123, 'node needs to be a replica set member to use readConcern: snapshot');
  const inTransaction = startTransaction === true;
  if (!inTransaction && !snapshotCommands.has(command))
    throw invalidOptions(`Command ${command} does not support { readConcern: { level: "snapshot" } }`);
  if (atClusterTime === undefined) return clusterClock.current();
  if (!(atClusterTime instanceof Timestamp)) throw typeMismatch('readConcern.atClusterTime must be a timestamp');
  if (afterClusterTime !== undefined)
    throw invalidOptions('readConcern cannot have both atClusterTime and afterClusterTime');
  const time = { t: atClusterTime.t, i: atClusterTime.i };
  if (atClusterTime.greaterThan(new Timestamp(clusterClock.current())))
    throw invalidOptions('readConcern atClusterTime value must not be greater than the current clusterTime');
  return time;
}

function refuseOutput(pipeline: unknown): void {
  const last = Array.isArray(pipeline) ? pipeline.at(-1) : undefined;
  const name = isDocument(last) ? Object.keys(last)[0] : undefined;
  if (name === '$out' || name === '$merge')
    throw invalidOptions(`${name} cannot be used with a 'linearizable' read concern level`);
}
