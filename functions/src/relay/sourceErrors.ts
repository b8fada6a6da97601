import { MongoError, MongoNetworkError, MongoServerError, MongoServerSelectionError } from 'mongodb';

/** What an error of the change stream asks for: go on from the same place (`passing`), start over because the place is gone (`history-lost`),
 *  or a person (`permanent`: access denied, unknown option …). */
export type SourceErrorKind = 'passing' | 'history-lost' | 'permanent';

/** Codes of MongoDB (https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml) that say that a resume token leads nowhere:
 *  CappedPositionLost, InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost; and those of a token that the server cannot
 *  decode or find, as after its database was replaced: FailedToParse, and numbers without a name. */
const historyLostCodes: ReadonlySet<unknown> = new Set([
  136, 260, 280, 286, 9, 40585, 40615, 40647, 40648, 40649, 50811,
]);

/** Codes after which the stream can be opened again from the same place: an unreachable or changing primary, a killed or forgotten cursor,
 *  an interrupted operation, a time limit, stale routing on a sharded cluster. */
const passingCodes: ReadonlySet<unknown> = new Set([
  6, 7, 43, 50, 63, 89, 91, 107, 133, 134, 150, 189, 202, 234, 237, 262, 9001, 10107, 11600, 11601, 11602, 13388, 13435,
  13436,
]);

const passingLabels = ['ResumableChangeStreamError', 'RetryableError', 'TransientTransactionError'];

/** Classifies what a change stream or a read of the projects failed with. */
export function sourceErrorKind(error: unknown): SourceErrorKind {
  if (!(error instanceof MongoError)) return 'permanent';
  if (error instanceof MongoServerError && historyLostCodes.has(error.code)) return 'history-lost';
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return 'passing';
  if (passingCodes.has(error.code) || passingLabels.some((label) => error.hasErrorLabel(label))) return 'passing';
  return 'permanent';
}
