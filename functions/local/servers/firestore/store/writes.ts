import type { PreconditionMessage, WriteMessage } from '../messages.ts';
import { FirestoreError, invalidArgument } from '../status.ts';
import {
  decodeDocument,
  encodeFields,
  fieldsOf,
  type Micros,
  microsOf,
  type StoredDocument,
} from '../values/document.ts';
import { type FieldPath, parseFieldPath, valueAt, withValueAt } from '../values/fieldPath.ts';
import { checkDocument, checkPath, maxTransforms } from '../values/limits.ts';
import { fullName, parseDocumentName } from '../values/resourceName.ts';
import type { Fields, Value } from '../values/value.ts';
import { applyTransforms, type FieldTransform, parseTransform } from './transforms.ts';

/** What must hold of a document before it is written. */
export type Precondition = { readonly exists: boolean } | { readonly updateTime: Micros };

/** One write of a commit. */
export interface Write {
  readonly path: string;
  readonly precondition: Precondition | undefined;
  readonly operation:
    | { readonly type: 'delete' }
    /** Without a mask the fields replace the document's; with one, only those that it names. */
    | { readonly type: 'update'; readonly fields: Fields; readonly mask: readonly FieldPath[] | undefined }
    /** Only the transforms; the fields stay. */
    | { readonly type: 'transform' };
  readonly transforms: readonly FieldTransform[];
}

/** A document after a write. */
export interface Written {
  readonly document: StoredDocument | undefined;
  readonly transformResults: readonly Value[];
}

/** Reads and checks a write. @throws FirestoreError INVALID_ARGUMENT */
export function parseWrite(message: WriteMessage, database: string): Write {
  const precondition = parsePrecondition(message.currentDocument);
  const transforms = (message.transform?.fieldTransforms ?? message.updateTransforms ?? []).map(parseTransform);
  if (transforms.length > maxTransforms)
    throw invalidArgument(`A document can have at most ${maxTransforms} transforms in a commit.`);
  if (message.delete !== undefined) {
    return { path: pathOf(message.delete, database), precondition, operation: { type: 'delete' }, transforms };
  }
  if (message.transform) {
    return {
      path: pathOf(message.transform.document ?? '', database),
      precondition,
      operation: { type: 'transform' },
      transforms,
    };
  }
  if (!message.update) throw invalidArgument('A write needs an operation: update, delete or transform.');
  const { name, fields } = decodeDocument(message.update);
  const mask = message.updateMask?.fieldPaths?.map(parseFieldPath);
  return {
    path: pathOf(name, database),
    precondition,
    operation: { type: 'update', fields, mask: message.updateMask ? (mask ?? []) : undefined },
    transforms,
  };
}

function pathOf(name: string, database: string): string {
  const path = parseDocumentName(name, database);
  checkPath(path);
  return path;
}

/** Reads a precondition; undefined if there is none. */
export function parsePrecondition(message: PreconditionMessage | undefined): Precondition | undefined {
  if (message?.updateTime) return { updateTime: microsOf(message.updateTime) };
  return message?.exists === undefined ? undefined : { exists: message.exists };
}

/** What a write makes of a document. A write that changes nothing leaves its update time as it is.
 *  @param now  time of the commit
 *  @throws FirestoreError NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION by the precondition, INVALID_ARGUMENT by the
 *  limits */
export function applyWrite(database: string, before: StoredDocument | undefined, write: Write, now: Micros): Written {
  checkPrecondition(database, before, write);
  const { operation, path } = write;
  if (operation.type === 'delete') return { document: undefined, transformResults: [] };
  const present = before ? fieldsOf(before) : new Map<string, Value>();
  const updated = operation.type === 'update' ? updateFields(present, operation.fields, operation.mask) : present;
  const { fields, results } = applyTransforms(updated, write.transforms, requestTime(now));
  checkDocument(database, path, fields);
  const encoded = encodeFields(fields);
  if (before && encoded.equals(before.fields)) return { document: before, transformResults: results };
  return {
    document: { path, fields: encoded, createTime: before?.createTime ?? now, updateTime: now },
    transformResults: results,
  };
}

const microsPerMilli = 1000;
const millisPerSecond = 1000;
const nanosPerMilli = 1_000_000;

/** The value of a server timestamp: the time of the commit, to the millisecond as the protocol says. */
function requestTime(now: Micros): Value {
  const millis = Math.floor(now / microsPerMilli);
  const seconds = Math.floor(millis / millisPerSecond);
  return { type: 'timestamp', seconds, nanos: (millis - seconds * millisPerSecond) * nanosPerMilli };
}

function updateFields(present: Fields, given: Fields, mask: readonly FieldPath[] | undefined): Fields {
  if (mask === undefined) return given;
  // A field that the mask names and the update lacks is deleted.
  return mask.reduce((fields, path) => withValueAt(fields, path, valueAt(given, path)), present);
}

function checkPrecondition(database: string, before: StoredDocument | undefined, { path, precondition }: Write): void {
  if (!precondition) return;
  const name = fullName(database, path);
  if ('updateTime' in precondition) {
    if (before?.updateTime === precondition.updateTime) return;
    throw new FirestoreError(
      'FAILED_PRECONDITION',
      `the stored version (${before?.updateTime ?? 0}) does not match the required base version (${precondition.updateTime})`,
    );
  }
  if (precondition.exists && !before) throw new FirestoreError('NOT_FOUND', `No document to update: ${name}`);
  if (!precondition.exists && before) throw new FirestoreError('ALREADY_EXISTS', `Document already exists: ${name}`);
}
