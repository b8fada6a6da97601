import { decode } from '../bson/codec.ts';
import { type Document, isDocument } from '../bson/values.ts';
import type { Requirement } from './privileges.ts';

/** What of a command decides which privileges it needs. */
export interface Asked {
  readonly name: string;
  readonly db: string;
  readonly body: Document;
  /** Lists of documents that came beside the body. */
  readonly sequences: ReadonlyMap<string, readonly Uint8Array[]>;
}

type Rule = (asked: Asked) => readonly Requirement[];

const wordsOf = (text: string) => text.trim().split(/\s+/);
const documentsIn = (value: unknown): Document[] => (Array.isArray(value) ? value.filter(isDocument) : []);
const textOr = (value: unknown): string => (typeof value === 'string' ? value : '');
const on = (db: string, collection: string, ...actions: string[]): Requirement => ({
  target: { db, collection },
  actions,
});
const split = (namespace: unknown) => {
  const [db = '', ...rest] = textOr(namespace).split('.');
  return { db, collection: rest.join('.') };
};

const onDatabase =
  (...actions: string[]): Rule =>
  ({ db }) => [on(db, '', ...actions)];
function aggregation({ db, body }: Asked): Requirement[] {
  const collection = textOr(body.aggregate);
  const stages = documentsIn(body.pipeline).flatMap((stage) => Object.entries(stage).slice(0, 1));
  const [first] = stages[0] ?? [''];
  const reads = opening.has(first) ? [] : [on(db, collection, 'find')];
  return [...reads, ...stages.flatMap(([name, operand]) => stage(name, operand, db, collection))];
}

/** First stages that do not read the documents of the collection. */
const opening: ReadonlySet<string> = new Set([
  ...['$changeStream', '$collStats', '$indexStats', '$currentOp', '$listSessions', '$listLocalSessions'],
]);

function stage(name: string, operand: unknown, db: string, collection: string): Requirement[] {
  const spec = isDocument(operand) ? operand : {};
  const inner = (pipeline: unknown, from: string) =>
    documentsIn(pipeline).flatMap((one) =>
      Object.entries(one).flatMap(([inside, value]) => stage(inside, value, db, from)),
    );
  switch (name) {
    case '$changeStream':
      return [on(spec.allChangesForCluster === true ? '' : db, collection, 'changeStream', 'find')];
    case '$collStats':
      return [on(db, collection, 'collStats')];
    case '$indexStats':
      return [on(db, collection, 'indexStats')];
    case '$currentOp':
      return spec.allUsers === true ? [{ target: 'cluster', actions: ['inprog'] }] : [];
    case '$listSessions':
      return spec.allUsers === true ? [{ target: 'cluster', actions: ['listSessions'] }] : [];
    case '$lookup':
      return [
        ...(spec.from === undefined ? [] : [on(db, textOr(spec.from), 'find')]),
        ...inner(spec.pipeline, textOr(spec.from)),
      ];
    case '$facet':
      return Object.values(spec).flatMap((pipeline) => inner(pipeline, collection));
    default:
      return [];
  }
}

const upsertActions = (upsert: unknown) => (upsert === true ? ['update', 'insert'] : ['update']);

const updating: Rule = ({ db, body, sequences }) => {
  const statements = [...documentsIn(body.updates), ...(sequences.get('updates') ?? []).map(decode)];
  const upserts = statements.some(({ upsert }) => upsert === true);
  return [on(db, textOr(body.update), ...upsertActions(upserts))];
};

const findingAndModifying: Rule = ({ db, name, body }) => [
  on(db, textOr(body[name]), 'find', ...(body.remove === true ? ['remove'] : upsertActions(body.upsert))),
];

const renaming: Rule = ({ body }) => {
  const [from, to] = [split(body.renameCollection), split(body.to)];
  const replacing = body.dropTarget === true ? [on(to.db, to.collection, 'dropCollection')] : [];
  return from.db === to.db
    ? [from, to].map(({ db, collection }) => on(db, collection, 'renameCollectionSameDB')).concat(replacing)
    : [
        on(from.db, from.collection, 'find', 'dropCollection'),
        on(to.db, to.collection, 'insert', 'createIndex'),
        ...replacing,
      ];
};

const explaining: Rule = ({ db, body, sequences }) => {
  const explained = isDocument(body.explain) ? body.explain : {};
  return requirementsOf({ name: Object.keys(explained)[0] ?? '', db, body: explained, sequences }) ?? [];
};

const listingCollections: Rule = ({ db, body }) =>
  body.nameOnly === true && body.authorizedCollections === true ? [] : [on(db, '', 'listCollections')];

const rolesBelongTo = (value: unknown, db: string) =>
  (Array.isArray(value) ? value : []).map((role) => (isDocument(role) ? textOr(role.db) : db));

const managingUsers =
  (...actions: string[]): Rule =>
  ({ db, body }) => [on(db, '', ...actions), ...rolesBelongTo(body.roles, db).map((of) => on(of, '', 'grantRole'))];

const updatingUser: Rule = ({ db, body }) => [
  ...(body.pwd === undefined ? [] : [on(db, '', 'changePassword')]),
  ...[db, ...rolesBelongTo(body.roles, db)].map((of) => on(of, '', 'grantRole')),
];

/** The action that a command needs on the collection that it names. */
const collectionActions: Readonly<Record<string, string>> = {
  find: 'find',
  count: 'find',
  distinct: 'find',
  insert: 'insert',
  delete: 'remove',
  create: 'createCollection',
  collMod: 'collMod',
  collStats: 'collStats',
  drop: 'dropCollection',
  createIndexes: 'createIndex',
  dropIndexes: 'dropIndex',
  listIndexes: 'listIndexes',
};

/** The action that a command needs on the cluster. */
const clusterActions: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    wordsOf(`listDatabases serverStatus replSetGetStatus replSetGetConfig getParameter setParameter setClusterParameter
      getClusterParameter getCmdLineOpts getLog hostInfo`).map((name) => [name, name]),
  ),
  configureFailPoint: 'internal',
  replSetStepDown: 'replSetStateChange',
  killOp: 'killop',
  killSessions: 'killAnySession',
};

const rules: Readonly<Record<string, Rule>> = {
  aggregate: aggregation,
  explain: explaining,
  update: updating,
  findAndModify: findingAndModifying,
  findandmodify: findingAndModifying,
  renameCollection: renaming,
  listCollections: listingCollections,
  dropDatabase: onDatabase('dropDatabase'),
  dbStats: onDatabase('dbStats'),
  profile: onDatabase('enableProfiler'),
  createUser: managingUsers('createUser'),
  updateUser: updatingUser,
  dropUser: onDatabase('dropUser'),
  grantRolesToUser: managingUsers('grantRole'),
  usersInfo: onDatabase('viewUser'),
  createRole: managingUsers('createRole'),
  updateRole: managingUsers('grantRole'),
  rolesInfo: onDatabase('viewRole'),
  currentOp: ({ body }) => (body.$ownOps === true ? [] : [{ target: 'cluster', actions: ['inprog'] }]),
};

/** What every user may do. A cursor belongs to its user, who was allowed to open it. */
const anyUsers: ReadonlySet<string> = new Set(
  wordsOf(`getMore killCursors bulkWrite commitTransaction abortTransaction refreshSessions startSession`),
);

/** Commands that a client may run before it has authenticated. */
export const openCommands: ReadonlySet<string> = new Set(
  wordsOf(`hello isMaster ismaster ping buildInfo buildinfo connectionStatus whatsmyuri listCommands saslStart
    saslContinue     logout endSessions`),
);

/** What a user needs for a command; undefined for a command that there is no rule for, which then is forbidden. */
export function requirementsOf(asked: Asked): readonly Requirement[] | undefined {
  const { name, db, body } = asked;
  const onCollection = Object.hasOwn(collectionActions, name) ? collectionActions[name] : undefined;
  if (onCollection !== undefined) return [on(db, textOr(body[name]), onCollection)];
  const onCluster = Object.hasOwn(clusterActions, name) ? clusterActions[name] : undefined;
  if (onCluster !== undefined) return [{ target: 'cluster', actions: [onCluster] }];
  if (anyUsers.has(name)) return [];
  return Object.hasOwn(rules, name) ? rules[name]?.(asked) : undefined;
}
