import { type Document, isDocument, isNumeric, toNumber } from '../bson/values.ts';
import { badValue, CommandError, notImplemented } from '../errors.ts';
import { readFields } from '../requests/fields.ts';

/** The fields of each fail point's data that this server knows. */
const knownData = {
  failCommand: [
    ...['failCommands', 'failAllCommands', 'appName', 'namespace', 'errorCode', 'errorLabels', 'writeConcernError'],
    ...['closeConnection', 'blockConnection', 'blockTimeMS'],
  ],
  failGetMoreAfterCursorCheckout: ['errorCode', 'closeConnection'],
  onPrimaryTransactionalWrite: ['closeConnection', 'failBeforeCommitExceptionCode'],
} as const;

export type FailPointName = keyof typeof knownData;

export interface FailPointData {
  readonly failCommands: readonly unknown[];
  readonly failAllCommands: boolean;
  readonly appName: string | undefined;
  readonly namespace: string | undefined;
  readonly errorCode: number | undefined;
  /** In place of those that the error would have. */
  readonly errorLabels: readonly string[] | undefined;
  readonly writeConcernError: Document | undefined;
  readonly closeConnection: boolean;
  /** Undefined unless the connection is to be blocked. */
  readonly blockMs: number | undefined;
}

/** Throws 192 for an unknown fail point, and 238 for data that this server does not know. */
export function failPointData(name: string, value: unknown): FailPointData {
  if (!isFailPointName(name)) throw new CommandError(192, `${name} not found`);
  if (value !== undefined && !isDocument(value)) throw badValue('the data of a fail point is a document');
  const known: readonly string[] = knownData[name];
  const unknown = Object.keys(value ?? {}).find((field) => !known.includes(field));
  if (unknown !== undefined) throw notImplemented(`'${unknown}' of the fail point ${name}`);
  const fields = readFields('data', value ?? {});
  return {
    failCommands: fields.array('failCommands') ?? [],
    failAllCommands: fields.boolean('failAllCommands'),
    appName: fields.optionalString('appName'),
    namespace: fields.optionalString('namespace'),
    errorCode: fields.count(name === 'onPrimaryTransactionalWrite' ? 'failBeforeCommitExceptionCode' : 'errorCode'),
    errorLabels: fields.array('errorLabels')?.map(String),
    writeConcernError: fields.document('writeConcernError'),
    closeConnection:
      fields.body.closeConnection === undefined
        ? name === 'onPrimaryTransactionalWrite'
        : fields.boolean('closeConnection'),
    blockMs: fields.boolean('blockConnection') ? (fields.count('blockTimeMS') ?? 0) : undefined,
  };
}

const isFailPointName = (name: string): name is FailPointName => Object.hasOwn(knownData, name);

/** Throws 2 for what is no mode. */
export function parseMode(mode: unknown): { skip?: number; times?: number; probability?: number } {
  if (mode === 'alwaysOn') return {};
  if (mode === 'off') return { times: 0 };
  const [name, value] = (isDocument(mode) ? Object.entries(mode)[0] : undefined) ?? [];
  const number = isNumeric(value) ? toNumber(value) : -1;
  if (number >= 0 && name === 'times') return { times: number };
  if (number >= 0 && name === 'skip') return { skip: number };
  if (number >= 0 && number <= 1 && name === 'activationProbability') return { probability: number };
  throw badValue('the mode of a fail point is off, alwaysOn, { times }, { skip } or { activationProbability }');
}
