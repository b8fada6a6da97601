import {
  MongoAPIError,
  MongoError,
  MongoNetworkError,
  MongoOperationTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb';
import { isSystemError } from '../grpc.ts';
import { SourceError } from './connect.ts';

/** What an error of MongoDB asks for: go on from the same place (`passing`), start over because the place is gone
 *  (`history-lost`), or a person (`permanent`: access denied, unknown option …). */
export type SourceErrorKind = 'passing' | 'history-lost' | 'permanent';

/** Codes of MongoDB (https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml) that say that a
 *  resume token leads nowhere: CappedPositionLost, InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost;
 *  and those of a token that the server cannot decode or find, as after its database was replaced: FailedToParse, and
 *  numbers without a name. */
const historyLostCodes: ReadonlySet<unknown> = new Set([
  136, 260, 280, 286, 9, 40585, 40615, 40647, 40648, 40649, 50811,
]);

/** Codes after which the same call may succeed, or the stream be opened again from the same place: an unreachable or
 *  changing primary, keys of the cluster time that a restarted member does not have yet (211), a killed or forgotten
 *  cursor or plan, an interrupted operation, a lock or a time limit, stale routing on a sharded cluster. */
const passingCodes: ReadonlySet<unknown> = new Set([
  6, 7, 24, 43, 46, 50, 63, 89, 91, 107, 133, 134, 150, 175, 189, 202, 211, 234, 237, 246, 262, 279, 9001, 10107, 11600,
  11601, 11602, 13388, 13435, 13436,
]);

/** What the driver itself raises when it found no server, lost its connection, or used up a `timeoutMS`. */
const passingClasses = [MongoNetworkError, MongoServerSelectionError, MongoOperationTimeoutError];

/** Unauthorized, AuthenticationFailed, AtlasError (https://www.mongodb.com/docs/manual/reference/error-codes/). */
const refusalCodes: ReadonlySet<unknown> = new Set([13, 18, 8000]);

/** The pool has no free connection in time; the driver does not export its class. */
const waitQueueTimeout = 'MongoWaitQueueTimeoutError';

/** What the driver says when a SRV record resolves to nothing, as while it is replaced. */
const noAddresses = /^No addresses found at host/;

const passingLabels = ['ResumableChangeStreamError', 'RetryableError', 'TransientTransactionError'];

/** Classifies what a change stream, a read of the projects or connecting failed with. */
export function sourceErrorKind(error: unknown): SourceErrorKind {
  if (error instanceof SourceError && error.cause !== undefined) return sourceErrorKind(error.cause);
  // Looking up `mongodb+srv://` fails with errors of the resolver: https://nodejs.org/api/dns.html#error-codes
  if (isSystemError(error)) return 'passing';
  if (!(error instanceof MongoError)) return 'permanent';
  if (error instanceof MongoServerError && historyLostCodes.has(error.code)) return 'history-lost';
  if (passingClasses.some((passing) => error instanceof passing) || error.name === waitQueueTimeout) return 'passing';
  if (error instanceof MongoAPIError && noAddresses.test(error.message)) return 'passing';
  if (passingCodes.has(error.code) || passingLabels.some((label) => error.hasErrorLabel(label))) return 'passing';
  return 'permanent';
}

/** Whether MongoDB lets this user not do what was asked: no other way of asking helps. */
export function isRefusedBySource(error: unknown): boolean {
  return error instanceof MongoServerError && refusalCodes.has(error.code);
}
