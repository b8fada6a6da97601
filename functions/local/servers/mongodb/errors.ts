/** The error codes that this server answers, with the names that a real server gives them. */
const errorNames = `
  1 InternalError, 2 BadValue, 6 HostUnreachable, 7 HostNotFound, 9 FailedToParse, 11 UserNotFound,
  13 Unauthorized, 14 TypeMismatch, 16 InvalidLength, 17 ProtocolError, 18 AuthenticationFailed,
  20 IllegalOperation, 22 InvalidBSON, 26 NamespaceNotFound, 27 IndexNotFound, 28 PathNotViable, 31 RoleNotFound,
  40 ConflictingUpdateOperators, 43 CursorNotFound, 48 NamespaceExists, 50 MaxTimeMSExpired,
  52 DollarPrefixedFieldName, 59 CommandNotFound, 64 WriteConcernFailed, 66 ImmutableField, 67 CannotCreateIndex,
  72 InvalidOptions, 73 InvalidNamespace, 76 NoReplicationEnabled, 79 UnknownReplWriteConcern,
  85 IndexOptionsConflict, 86 IndexKeySpecsConflict, 89 NetworkTimeout, 91 ShutdownInProgress,
  100 UnsatisfiableWriteConcern, 112 WriteConflict, 133 FailedToSatisfyReadPreference, 168 InvalidPipelineOperator,
  189 PrimarySteppedDown, 192 FailPointEnabled, 197 InvalidIndexSpecificationOption, 225 TransactionTooOld,
  234 RetryChangeStream, 237 CursorKilled, 238 NotImplemented, 239 SnapshotTooOld, 246 SnapshotUnavailable,
  251 NoSuchTransaction, 256 TransactionCommitted, 260 InvalidResumeToken, 262 ExceededTimeLimit,
  263 OperationNotSupportedInTransaction, 279 ClientDisconnect, 280 ChangeStreamFatalError, 286 ChangeStreamHistoryLost,
  322 APIVersionError, 323 APIStrictError, 334 MechanismUnavailable, 352 UnsupportedOpQueryCommand,
  9001 SocketException, 10334 BSONObjectTooLarge, 10107 NotWritablePrimary, 11000 DuplicateKey,
  11600 InterruptedAtShutdown, 11601 Interrupted, 11602 InterruptedDueToReplStateChange,
  13435 NotPrimaryNoSecondaryOk, 13436 NotPrimaryOrSecondary, 40415 IDLUnknownField
`;

const namesByCode: ReadonlyMap<number, string> = new Map(
  [...errorNames.matchAll(/(\d+) (\w+)/g)].map(([, code, name = '']) => [Number(code), name]),
);

/** The name of an error code; a real server calls the many that have none `Location<code>`. */
export function errorName(code: number): string {
  return namesByCode.get(code) ?? `Location${code}`;
}

/** An error that the client is to see: `{ ok: 0, code, codeName, errmsg, errorLabels, …details }`. */
export class CommandError extends Error {
  readonly code: number;
  /** In place of those that follow from the code. */
  readonly labels: readonly string[] | undefined;
  /** Further fields of the reply, such as `keyPattern` and `keyValue` of a duplicate key. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: number,
    message: string,
    more: { labels?: readonly string[]; details?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
    this.labels = more.labels;
    this.details = more.details ?? {};
  }
}

export const badValue = (message: string) => new CommandError(2, message);
export const failedToParse = (message: string) => new CommandError(9, message);
export const typeMismatch = (message: string) => new CommandError(14, message);
export const illegalOperation = (message: string) => new CommandError(20, message);
export const namespaceNotFound = (message: string) => new CommandError(26, message);
export const cursorNotFound = (cursorId: bigint) => new CommandError(43, `cursor id ${cursorId} not found`);
export const notImplemented = (what: string) =>
  new CommandError(238, `${what} is not implemented by the embedded MongoDB server of the local stack`);

/** What ends an operation that is under way when the server ceases to be primary. */
export const steppedDown = () => new CommandError(11602, 'operation was interrupted because the server stepped down');

/** Errors that pass by themselves: the network, an election, a shutdown. */
const retriableCodes = [6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436];

const retryableWriteCodes: ReadonlySet<number> = new Set(retriableCodes);

/** Codes after which a driver may open a change stream again where it stood. */
const resumableStreamCodes: ReadonlySet<number> = new Set([...retriableCodes, 63, 133, 150, 234, 13388]);

/** Codes after which there is no way on for a change stream from where it stood. */
const nonResumableStreamCodes: ReadonlySet<number> = new Set([280, 286]);

/** Codes that say that a transaction left nothing behind, also where they answer its commit. */
const conflictCodes = [24, 112, 239, 246, 251, 267];

const transientCodes: ReadonlySet<number> = new Set([...conflictCodes, ...retriableCodes]);
const transientCommitCodes: ReadonlySet<number> = new Set(conflictCodes);

/** What the labels of an error depend on, besides its code. */
export interface ErrorScene {
  readonly command: string;
  readonly inTransaction: boolean;
  readonly retryableWrite: boolean;
  readonly changeStream: boolean;
}

/**
 * The labels that a real server puts on an error. `UnknownTransactionCommitResult` is not among them: drivers add it to
 * a commit that was answered with `RetryableWriteError` or a write concern error.
 */
export function labelsFor(code: number, scene: ErrorScene): string[] {
  const endsTransaction = scene.command === 'commitTransaction' || scene.command === 'abortTransaction';
  const transient = endsTransaction ? transientCommitCodes : transientCodes;
  if (scene.inTransaction && transient.has(code)) return ['TransientTransactionError'];
  if ((scene.retryableWrite || endsTransaction) && retryableWriteCodes.has(code)) return ['RetryableWriteError'];
  if (scene.changeStream && resumableStreamCodes.has(code)) return ['ResumableChangeStreamError'];
  return nonResumableStreamCodes.has(code) ? ['NonResumableChangeStreamError'] : [];
}
