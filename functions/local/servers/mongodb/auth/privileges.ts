import { type Document, isDocument } from '../bson/values.ts';
import { badValue, CommandError, failedToParse } from '../errors.ts';

/** What a privilege is about. An empty name stands for every database, or every collection but `system.*`. */
export type Resource =
  | { readonly db: string; readonly collection: string }
  | { readonly cluster: true }
  | { readonly anyResource: true };

export interface Privilege {
  readonly resource: Resource;
  readonly actions: readonly string[];
}

/** What a command needs: all the actions on the target. A target without a collection is the database itself. */
export interface Requirement {
  readonly target: { readonly db: string; readonly collection: string } | 'cluster';
  readonly actions: readonly string[];
}

const namesOf = (text: string) => text.trim().split(/\s+/);

const reading = namesOf('changeStream collStats dbHash dbStats find killCursors listCollections listIndexes');
const writing = namesOf(
  'createCollection createIndex dropCollection dropIndex insert remove renameCollectionSameDB update',
);
const administration =
  namesOf(`bypassDocumentValidation collMod collStats createCollection createIndex dbStats dropCollection
  dropDatabase dropIndex enableProfiler listCollections listIndexes renameCollectionSameDB`);
const monitoring =
  namesOf(`getClusterParameter getCmdLineOpts getLog getParameter hostInfo inprog listDatabases listSessions
    replSetGetConfig   replSetGetStatus serverStatus`);
const onlyRoot =
  namesOf(`changePassword createRole createUser dropUser grantRole indexStats killAnyCursor killAnySession killop
  replSetStateChange setClusterParameter setParameter viewRole viewUser`);

const knownActions: ReadonlySet<string> = new Set([
  'anyAction',
  ...reading,
  ...writing,
  ...administration,
  ...monitoring,
  ...onlyRoot,
]);

/** The privileges of a built-in role, as far as this server has what they allow; undefined for a name that is none.
 *  Source: https://www.mongodb.com/docs/manual/reference/built-in-roles/. `root` may do everything here. */
export function builtInRole(role: string, db: string): readonly Privilege[] | undefined {
  const everywhere = { db, collection: '' };
  switch (role) {
    case 'read':
      return [{ resource: everywhere, actions: reading }];
    case 'readWrite':
      return [{ resource: everywhere, actions: [...reading, ...writing] }];
    case 'dbAdmin':
      return [{ resource: everywhere, actions: administration }];
    case 'clusterMonitor':
      if (db !== 'admin') return undefined;
      return [
        { resource: { cluster: true }, actions: monitoring },
        { resource: { db: '', collection: '' }, actions: ['collStats', 'dbStats', 'indexStats'] },
        { resource: { db: 'local', collection: 'oplog.rs' }, actions: ['find', 'collStats'] },
        { resource: { db: 'local', collection: '' }, actions: ['listCollections'] },
      ];
    case 'root':
      return db === 'admin' ? [{ resource: { anyResource: true }, actions: ['anyAction'] }] : undefined;
    default:
      return undefined;
  }
}

function covers(resource: Resource, target: Requirement['target']): boolean {
  if ('anyResource' in resource) return true;
  if ('cluster' in resource || target === 'cluster') return 'cluster' in resource && target === 'cluster';
  if (resource.db !== '' && resource.db !== target.db) return false;
  return resource.collection === ''
    ? !target.collection.startsWith('system.')
    : resource.collection === target.collection;
}

export function allows(privileges: readonly Privilege[], { target, actions }: Requirement): boolean {
  const granted = new Set(
    privileges.filter(({ resource }) => covers(resource, target)).flatMap((privilege) => privilege.actions),
  );
  return granted.has('anyAction') || actions.every((action) => granted.has(action));
}

/** Reads a privilege of `createRole`. Throws 2 or 9 for what is none, and for actions that nothing here checks. */
export function parsePrivilege(value: Document): Privilege {
  const { resource, actions } = value;
  if (!Array.isArray(actions) || actions.length === 0) throw badValue('a privilege needs a list of actions');
  const unknown = actions.filter((action) => typeof action !== 'string' || !knownActions.has(action));
  if (unknown.length > 0) throw failedToParse(`Unrecognized action privilege strings: ${unknown.join(', ')}`);
  return { resource: parseResource(resource), actions };
}

function parseResource(value: unknown): Resource {
  if (!isDocument(value)) throw badValue('a privilege needs a resource');
  const { cluster, anyResource, db, collection } = value;
  if (cluster === true) return { cluster };
  if (anyResource === true) return { anyResource };
  if (typeof db !== 'string' || typeof collection !== 'string') {
    throw new CommandError(
      9,
      'the resource of a privilege is { db, collection }, { cluster: true } or { anyResource: true }',
    );
  }
  return { db, collection };
}
