import { Int32 } from 'bson';
import { type Document, isDocument, isNumeric, toNumber } from '../bson/values.ts';
import { badValue, CommandError, errorName, failedToParse, notImplemented, typeMismatch } from '../errors.ts';

const readCommands: ReadonlySet<string> = new Set([
  ...['aggregate', 'find', 'count', 'distinct', 'getMore', 'listCollections', 'listIndexes', 'listDatabases'],
]);

/** More members than this no replica set has. */
const mostMembers = 50;

/** The `writeConcernError` of a write that is done all the same; throws 72, 9 or 2 for an impossible concern. */
export function writeConcernError(
  command: string,
  { writeConcern, autocommit }: Document,
  replicaSet: string | undefined,
): Document | undefined {
  if (writeConcern === undefined) return undefined;
  if (!isDocument(writeConcern)) throw typeMismatch(`writeConcern of ${command} must be an object`);
  const endsTransaction = command === 'commitTransaction' || command === 'abortTransaction';
  if (readCommands.has(command)) throw new CommandError(72, `Command ${command} does not support writeConcern`);
  if (autocommit === false && !endsTransaction)
    throw new CommandError(72, `${command} is not allowed with a writeConcern in a multi-document transaction`);
  const { w } = writeConcern;
  if (w === undefined || w === 'majority') return undefined;
  if (typeof w === 'string')
    return failure(79, `No write concern mode named '${w}' found in replica set configuration`);
  if (!isNumeric(w))
    throw isDocument(w) ? notImplemented('a write concern by tags') : typeMismatch('w has a wrong type');
  const members = toNumber(w);
  if (members < 0 || members > mostMembers)
    throw failedToParse(`w has to be a non-negative number and not greater than ${mostMembers}; found: ${members}`);
  if (members <= 1) return undefined;
  if (replicaSet === undefined) throw badValue("cannot use 'w' > 1 when a host is not replicated");
  return failure(100, 'Not enough data-bearing nodes');
}

const failure = (code: number, errmsg: string): Document => ({
  code: new Int32(code),
  codeName: errorName(code),
  errmsg,
});
