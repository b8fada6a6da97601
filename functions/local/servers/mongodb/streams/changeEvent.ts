import { Int32 } from 'bson';
import { decode } from '../bson/codec.ts';
import { orderKey } from '../bson/orderKey.ts';
import type { Document } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { Catalog } from '../storage/catalog.ts';
import { toTimestamp } from '../storage/clusterClock.ts';
import type { Images, OplogEntry } from '../storage/oplog.ts';
import type { Path } from '../update/description.ts';
import { encodeToken } from './resumeToken.ts';
import type { StreamOptions, StreamTarget } from './streamOptions.ts';

/** An event of the log as one stream shows it, and whether the stream ends with it. */
export interface ShownEvent {
  readonly event: Document;
  /** The token behind a fragment of the event, counted from 0. */
  readonly tokenOf: (fragment: number) => Document;
  readonly invalidates: boolean;
}

const expandedOnly: ReadonlySet<string> = new Set(['create', 'createIndexes', 'dropIndexes', 'modify']);
const internalDatabases: ReadonlySet<string> = new Set(['admin', 'config', 'local']);

/** What an event shows besides its log entry. */
export interface Surroundings {
  readonly catalog: Catalog;
  /** Images of changes before this time, in ms since the epoch, have expired. */
  readonly imagesSince: number;
}

/** Makes the event of a log entry, or `undefined` if the stream does not show it. */
export function changeEvent(
  entry: OplogEntry,
  options: StreamOptions,
  surroundings: Surroundings,
): ShownEvent | undefined {
  if (!concerns(entry, options.target)) return undefined;
  if (expandedOnly.has(entry.change.kind) && !options.expanded) return undefined;
  return {
    event: buildEvent(entry, options, surroundings),
    tokenOf: (fragment) => tokenFor(entry, fragment),
    invalidates: invalidates(entry, options.target),
  };
}

/** The `invalidate` event that follows the one which ended the stream. */
export function invalidateEvent(entry: OplogEntry): Document {
  const point = { kind: 'event', time: entry.time, ordinal: entry.ordinal, fromInvalidate: true } as const;
  return {
    _id: encodeToken(point),
    operationType: 'invalidate',
    clusterTime: toTimestamp(entry.time),
    wallTime: new Date(entry.wallTime),
  };
}

function concerns({ db, name, change }: OplogEntry, target: StreamTarget): boolean {
  if (internalDatabases.has(db) || name.startsWith('system.')) return false;
  if (target.kind === 'cluster') return true;
  if (target.kind === 'database') return db === target.db;
  if (change.kind === 'rename' && change.to.db === target.db && change.to.name === target.name) return true;
  return db === target.db && name === target.name;
}

/** Whether a change ends a stream on this target. */
export function invalidates({ change }: OplogEntry, target: StreamTarget): boolean {
  if (target.kind === 'collection') return change.kind === 'drop' || change.kind === 'rename';
  return target.kind === 'database' && change.kind === 'dropDatabase';
}

const tokenFor = ({ time, ordinal }: OplogEntry, fragment?: number): Document =>
  encodeToken({ kind: 'event', time, ordinal, fromInvalidate: false, fragment });

function buildEvent(entry: OplogEntry, options: StreamOptions, surroundings: Surroundings): Document {
  const { change, time, uuid, transaction } = entry;
  const documentKey = 'id' in change ? { _id: change.id } : undefined;
  const fullDocument = fullDocumentOf(entry, options, surroundings);
  const beforeChange = beforeChangeOf(entry, options, surroundings);
  return {
    _id: tokenFor(entry),
    operationType: change.kind,
    clusterTime: toTimestamp(time),
    wallTime: new Date(entry.wallTime),
    ...(options.expanded && uuid ? { collectionUUID: uuid } : {}),
    ...(fullDocument === undefined ? {} : { fullDocument }),
    ns: entry.name === '' ? { db: entry.db } : { db: entry.db, coll: entry.name },
    ...(change.kind === 'rename' ? { to: { db: change.to.db, coll: change.to.name } } : {}),
    ...(documentKey ? { documentKey } : {}),
    ...(change.kind === 'update' ? { updateDescription: shownDescription(change.description, options.expanded) } : {}),
    ...(options.expanded ? operationDescription(entry) : {}),
    ...(beforeChange === undefined ? {} : { fullDocumentBeforeChange: beforeChange }),
    ...(transaction ? { lsid: transaction.lsid, txnNumber: transaction.txnNumber } : {}),
  };
}

function shownDescription(
  {
    updatedFields,
    removedFields,
    truncatedArrays,
    disambiguatedPaths,
  }: Extract<OplogEntry['change'], { kind: 'update' }>['description'],
  expanded: boolean,
): Document {
  return {
    updatedFields,
    removedFields: [...removedFields],
    truncatedArrays: truncatedArrays.map(({ field, newSize }) => ({ field, newSize: new Int32(newSize) })),
    ...(expanded ? { disambiguatedPaths: numbersAsInt32(disambiguatedPaths) } : {}),
  };
}

const numbersAsInt32 = (paths: Readonly<Record<string, Path>>): Document =>
  Object.fromEntries(
    Object.entries(paths).map(([name, parts]) => [
      name,
      parts.map((part) => (typeof part === 'number' ? new Int32(part) : part)),
    ]),
  );

function operationDescription({ change, uuid }: OplogEntry): Document {
  switch (change.kind) {
    case 'create':
      return {
        operationDescription: {
          ...change.options,
          idIndex: { v: new Int32(2), key: { _id: new Int32(1) }, name: '_id_' },
        },
      };
    case 'createIndexes':
    case 'dropIndexes':
      return { operationDescription: { indexes: [...change.indexes] } };
    case 'modify':
      return {
        operationDescription: { ...change.options },
        stateBeforeChange: { collectionOptions: { uuid, ...change.before } },
      };
    case 'rename':
      return {
        operationDescription: {
          to: { db: change.to.db, coll: change.to.name },
          ...(change.dropTarget ? { dropTarget: change.dropTarget } : {}),
        },
      };
    default:
      return {};
  }
}

function fullDocumentOf(
  entry: OplogEntry,
  options: StreamOptions,
  surroundings: Surroundings,
): Document | null | undefined {
  const { change } = entry;
  if (change.kind === 'insert' || change.kind === 'replace') return decode(change.after);
  if (change.kind !== 'update' || options.fullDocument === 'default') return undefined;
  if (options.fullDocument === 'updateLookup') {
    const collection = surroundings.catalog.find(entry.db, entry.name);
    const bytes = collection && entry.uuid?.equals(collection.uuid) ? collection.get(orderKey(change.id)) : undefined;
    return bytes ? decode(bytes) : null;
  }
  return image(imagesOf(entry, surroundings)?.after, options.fullDocument, 'post-image');
}

function beforeChangeOf(
  entry: OplogEntry,
  options: StreamOptions,
  surroundings: Surroundings,
): Document | null | undefined {
  const { change } = entry;
  if (options.fullDocumentBeforeChange === 'off') return undefined;
  if (change.kind !== 'update' && change.kind !== 'replace' && change.kind !== 'delete') return undefined;
  return image(imagesOf(entry, surroundings)?.before, options.fullDocumentBeforeChange, 'pre-image');
}

const imagesOf = ({ change, wallTime }: OplogEntry, { imagesSince }: Surroundings): Images | undefined =>
  'images' in change && wallTime >= imagesSince ? change.images : undefined;

function image(bytes: Uint8Array | undefined, mode: 'whenAvailable' | 'required', what: string): Document | null {
  if (bytes) return decode(bytes);
  if (mode === 'whenAvailable') return null;
  throw new CommandError(47, `Change stream requires a ${what}, but it was not found for event`);
}
