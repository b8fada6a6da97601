import { type Document, isNumeric, toNumber } from '../bson/values.ts';
import { CommandError, notImplemented } from '../errors.ts';
import { isGeneric } from './genericFields.ts';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const collectionOptions =
  words(`validator validationLevel validationAction expireAfterSeconds viewOn pipeline timeseries
  capped size max cappedSize cappedMax clusteredIndex encryptedFields storageEngine index indexOptionDefaults
  prepareUnique recordPreImages`);
const userFields = words('pwd customData roles mechanisms digestPassword authenticationRestrictions');
const roleFields = words('privileges roles');

/** The fields of each command, from the IDL of MongoDB 8.0; `name.list` are those of the statements in its list. */
const knownFields: Readonly<Record<string, readonly string[]>> = {
  find: words(`filter projection sort hint skip limit batchSize singleBatch let collation allowDiskUse
    allowPartialResults tailable awaitData`),
  aggregate: words('pipeline explain cursor hint let collation allowDiskUse bypassDocumentValidation'),
  $changeStream: words(`fullDocument fullDocumentBeforeChange resumeAfter startAfter startAtOperationTime
    allChangesForCluster showExpandedEvents`),
  count: words('query limit skip hint collation fields'),
  distinct: words('key query hint collation'),
  getMore: words('collection batchSize'),
  killCursors: words('cursors'),
  explain: words('verbosity'),
  insert: words('documents ordered bypassDocumentValidation'),
  update: words('updates ordered bypassDocumentValidation let'),
  'update.updates': words('q u c multi upsert arrayFilters hint collation sort'),
  delete: words('deletes ordered let'),
  'delete.deletes': words('q limit hint collation'),
  findAndModify: words(
    'query sort remove update new fields upsert arrayFilters hint collation let bypassDocumentValidation',
  ),
  create: words('changeStreamPreAndPostImages collation'),
  collMod: words('changeStreamPreAndPostImages'),
  drop: [],
  dropDatabase: [],
  renameCollection: words('to dropTarget'),
  listCollections: words('filter cursor nameOnly authorizedCollections'),
  listDatabases: words('filter nameOnly authorizedDatabases'),
  createIndexes: words('indexes commitQuorum'),
  listIndexes: words('cursor'),
  dropIndexes: words('index'),
  commitTransaction: words('recoveryToken'),
  abortTransaction: words('recoveryToken'),
  endSessions: [],
  killSessions: [],
  refreshSessions: [],
  createUser: userFields,
  updateUser: userFields,
  dropUser: [],
  grantRolesToUser: words('roles'),
  usersInfo: words('showPrivileges showCustomData'),
  createRole: roleFields,
  updateRole: roleFields,
  rolesInfo: words('showPrivileges'),
  configureFailPoint: words('mode data'),
  replSetStepDown: words('secondaryCatchUpPeriodSecs force'),
  killOp: words('op'),
};

/** What a real server does and this one does not; without a value that asks for it, such a field is let pass. */
const unsupportedFields: Readonly<Record<string, readonly string[]>> = {
  $changeStream: words(`showMigrationEvents showRawUpdateDescription showSystemEvents ignoreRemovedShards
    allowToRunOnConfigDB allowToRunOnSystemNS`),
  find: words('min max returnKey showRecordId noCursorTimeout'),
  create: collectionOptions,
  collMod: collectionOptions,
  usersInfo: words('showCredentials showAuthenticationRestrictions filter'),
  createRole: words('authenticationRestrictions'),
  updateRole: words('authenticationRestrictions'),
  rolesInfo: words('showBuiltinRoles showAuthenticationRestrictions'),
};

/** Throws 40415 (IDLUnknownField) for a field that a command cannot have, 238 for one that is not supported. */
export function checkFields(command: string, body: Document): void {
  const canonical = command === 'findandmodify' ? 'findAndModify' : command;
  const known = Object.hasOwn(knownFields, canonical) ? knownFields[canonical] : undefined;
  if (!known) return;
  for (const [field, value] of Object.entries(body)) {
    if (field === command || known.includes(field) || isGeneric(field)) continue;
    if (!unsupportedFields[canonical]?.includes(field)) {
      throw new CommandError(40415, `BSON field '${command}.${field}' is an unknown field.`);
    }
    if (asksFor(value)) throw notImplemented(`${command} with '${field}'`);
  }
}

const asksFor = (value: unknown) =>
  value !== undefined && value !== null && value !== false && !(isNumeric(value) && toNumber(value) === 0);
