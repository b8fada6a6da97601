/** Fields that every command may have. Source: MongoDB's `generic_argument.idl`. */
const genericFields: ReadonlySet<string> = new Set([
  ...['$db', 'lsid', 'txnNumber', 'autocommit', 'startTransaction', '$clusterTime', 'operationTime', 'maxTimeMS'],
  ...['readConcern', 'writeConcern', '$readPreference', 'comment', 'apiVersion', 'apiStrict', 'apiDeprecationErrors'],
  ...['stmtId', 'stmtIds', 'rawData'],
]);

export const isGeneric = (field: string) => genericFields.has(field);
