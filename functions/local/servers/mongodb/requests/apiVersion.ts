import { type Document, isDocument } from '../bson/values.ts';
import { CommandError } from '../errors.ts';

/** The commands of the Stable API, version 1. Source: https://www.mongodb.com/docs/manual/reference/stable-api/ */
const stableCommands: ReadonlySet<string> = new Set([
  ...['abortTransaction', 'aggregate', 'authenticate', 'bulkWrite', 'collMod', 'commitTransaction', 'count', 'create'],
  ...['createIndexes', 'delete', 'drop', 'dropDatabase', 'dropIndexes', 'endSessions', 'explain', 'find'],
  ...['findAndModify', 'findandmodify', 'getMore', 'hello', 'insert', 'killCursors', 'listCollections'],
  ...['listDatabases', 'listIndexes', 'ping', 'refreshSessions', 'saslContinue', 'saslStart', 'update'],
]);

const unstableStages: ReadonlySet<string> = new Set([
  ...['$changeStreamSplitLargeEvent', '$currentOp', '$indexStats', '$listLocalSessions', '$listSessions'],
]);

/** Throws 322 for another version than 1, and with `apiStrict` 323 for what is not in it. */
export function checkApiVersion(
  command: string,
  { apiVersion, apiStrict, apiDeprecationErrors, pipeline }: Document,
): void {
  if (apiVersion === undefined) {
    if (apiStrict === undefined && apiDeprecationErrors === undefined) return;
    throw new CommandError(4886600, 'Provided apiStrict and/or apiDeprecationErrors without passing apiVersion');
  }
  if (apiVersion !== '1') throw new CommandError(322, `API version must be "1", not ${String(apiVersion)}`);
  if (apiStrict !== true) return;
  const strict = (what: string) =>
    new CommandError(323, `Provided apiStrict:true, but ${what} is not in API Version 1`);
  if (!stableCommands.has(command)) throw strict(`the command ${command}`);
  for (const stage of Array.isArray(pipeline) ? pipeline : []) {
    const name = isDocument(stage) ? Object.keys(stage)[0] : undefined;
    if (name !== undefined && unstableStages.has(name)) throw strict(`stage ${name}`);
  }
}
