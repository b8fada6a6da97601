import { Timestamp } from 'bson';
import { type Document, isDocument } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import { readFields } from '../requests/fields.ts';
import { checkFields } from '../requests/knownFields.ts';
import type { OpTime } from '../storage/clusterClock.ts';
import { decodeToken, type ResumePoint } from './resumeToken.ts';

/** What a change stream watches. */
export type StreamTarget =
  | { readonly kind: 'collection'; readonly db: string; readonly name: string }
  | { readonly kind: 'database'; readonly db: string }
  | { readonly kind: 'cluster' };

const imageModes = ['off', 'whenAvailable', 'required'] as const;
const documentModes = ['default', 'updateLookup', 'whenAvailable', 'required'] as const;

export interface StreamOptions {
  readonly target: StreamTarget;
  readonly start:
    | { readonly kind: 'now' }
    | { readonly kind: 'time'; readonly time: OpTime }
    | { readonly kind: 'after'; readonly point: ResumePoint };
  readonly fullDocument: (typeof documentModes)[number];
  readonly fullDocumentBeforeChange: (typeof imageModes)[number];
  /** Also events about indexes, options and new collections. */
  readonly expanded: boolean;
}

/** Parses `$changeStream`. Throws 260 for a token that cannot be resumed from, 40674 for two starting points. */
export function parseStreamOptions(spec: unknown, db: string, collection: string | undefined): StreamOptions {
  if (!isDocument(spec)) throw new CommandError(50808, '$changeStream stage expects a document as argument');
  checkFields('$changeStream', spec);
  const fields = readFields('$changeStream', spec);
  return {
    target: targetOf(fields.boolean('allChangesForCluster'), db, collection),
    start: startOf(spec),
    fullDocument: oneOf('fullDocument', fields.optionalString('fullDocument'), documentModes, 'default'),
    fullDocumentBeforeChange: oneOf(
      'fullDocumentBeforeChange',
      fields.optionalString('fullDocumentBeforeChange'),
      imageModes,
      'off',
    ),
    expanded: fields.boolean('showExpandedEvents'),
  };
}

function targetOf(wholeCluster: boolean, db: string, collection: string | undefined): StreamTarget {
  if (wholeCluster) {
    if (db !== 'admin' || collection !== undefined) {
      throw new CommandError(72, 'allChangesForCluster is for the admin database, without a collection');
    }
    return { kind: 'cluster' };
  }
  if (db === 'admin' || db === 'config' || db === 'local') {
    throw new CommandError(73, `$changeStream may not be opened on the internal ${db} database`);
  }
  if (collection === undefined) return { kind: 'database', db };
  if (collection.startsWith('system.'))
    throw new CommandError(73, `$changeStream may not be opened on the internal ${db}.${collection} collection`);
  return { kind: 'collection', db, name: collection };
}

function startOf(spec: Document): StreamOptions['start'] {
  const { resumeAfter, startAfter, startAtOperationTime } = spec;
  const given = [resumeAfter, startAfter, startAtOperationTime].filter(
    (value) => value !== undefined && value !== null,
  );
  if (given.length > 1)
    throw new CommandError(40674, 'Only one type of resume option is allowed, but multiple were found');
  if (given.length === 0) return { kind: 'now' };
  if (startAtOperationTime !== undefined && startAtOperationTime !== null) {
    if (!(startAtOperationTime instanceof Timestamp))
      throw new CommandError(14, "BSON field '$changeStream.startAtOperationTime' must be a timestamp");
    return { kind: 'time', time: { t: startAtOperationTime.t, i: startAtOperationTime.i } };
  }
  const point = decodeToken(given[0]);
  if (point.kind === 'event' && point.fromInvalidate && given[0] === resumeAfter) {
    throw new CommandError(260, "'resumeAfter' is not allowed from an invalidate notification");
  }
  return { kind: 'after', point };
}

function oneOf<T extends string>(field: string, value: string | undefined, known: readonly T[], fallback: T): T {
  if (value === undefined) return fallback;
  const found = known.find((one) => one === value);
  if (found === undefined)
    throw new CommandError(2, `Enumeration value '${value}' for field '$changeStream.${field}' is not a valid value.`);
  return found;
}
