import type { DocumentMaskMessage, PreconditionMessage, WriteMessage } from '../messages.ts';
import type { IndexEntries } from '../query/indexEntries.ts';
import { FirestoreError, invalidArgument } from '../status.ts';
import { fieldsOf, type Micros, microsOf, type StoredDocument } from '../values/document.ts';
import { type FieldPath, parseFieldPath, valueAt, withValueAt } from '../values/fieldPath.ts';
import { checkDocumentSize, checkFields } from '../values/limits.ts';
import { fullName, parseDocumentName } from '../values/resourceName.ts';
import { documentSize } from '../values/size.ts';
import type { Fields, Value } from '../values/value.ts';
import { decodeDocument, encodeFields } from '../values/valueCodec.ts';
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

/** Transforms of one document in one commit (published limit). */
const maxTransforms = 500;

/** Reads and checks the writes of one commit. @throws FirestoreError INVALID_ARGUMENT */
export function parseWrites(messages: readonly WriteMessage[] = [], database: string): Write[] {
  const writes = messages.map((message) => parseWrite(message, database));
  const transforms = new Map<string, number>();
  for (const write of writes) {
    const count = (transforms.get(write.path) ?? 0) + write.transforms.length;
    if (count > maxTransforms)
      throw invalidArgument(`cannot have more than ${maxTransforms} field transforms on a single document`);
    transforms.set(write.path, count);
  }
  return writes;
}

function parseWrite(message: WriteMessage, database: string): Write {
  const precondition = parsePrecondition(message.currentDocument);
  const transforms = (message.transform?.fieldTransforms ?? message.updateTransforms ?? []).map(parseTransform);
  const write = (name: string, operation: Write['operation']): Write => ({
    path: parseDocumentName(name, database),
    precondition,
    operation,
    transforms,
  });
  if (message.delete !== undefined) return write(message.delete, { type: 'delete' });
  if (message.transform) return write(message.transform.document ?? '', { type: 'transform' });
  if (!message.update) throw invalidArgument('A write needs an operation: update, delete or transform.');
  const { name, fields } = decodeDocument(message.update);
  return write(name, { type: 'update', fields, mask: parseUpdateMask(message.updateMask) });
}

/** The fields that an update names; undefined, for all of them, if it names none.
 *  @throws FirestoreError INVALID_ARGUMENT also for a path that lies inside another one */
export function parseUpdateMask(mask: DocumentMaskMessage | undefined): readonly FieldPath[] | undefined {
  const paths = mask && (mask.fieldPaths ?? []).map(parseFieldPath);
  for (const { canonical } of paths ?? []) {
    const inner = paths?.find((path) => path.canonical.startsWith(`${canonical}.`));
    if (inner) throw invalidArgument(`The field paths "${canonical}" and "${inner.canonical}" of a mask conflict.`);
  }
  return paths;
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
export function applyWrite(
  database: string,
  indexEntries: IndexEntries,
  before: StoredDocument | undefined,
  write: Write,
  now: Micros,
): Written {
  checkPrecondition(database, before, write);
  const { operation, path } = write;
  if (operation.type === 'delete') return { document: undefined, transformResults: [] };
  const present = before ? fieldsOf(before) : new Map<string, Value>();
  const updated = operation.type === 'update' ? updateFields(present, operation.fields, operation.mask) : present;
  const { fields, results } = applyTransforms(updated, write.transforms, requestTime(now));
  const encoded = encodeFields(fields);
  if (before && encoded.equals(before.fields)) return { document: before, transformResults: results };
  checkFields(fields);
  const bytes = documentSize(path, fields);
  checkDocumentSize(database, path, bytes);
  const entryBytes = indexEntries.check(path, fields);
  return {
    document: { path, fields: encoded, createTime: before?.createTime ?? now, updateTime: now, bytes, entryBytes },
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
