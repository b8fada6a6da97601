import { encode } from '../bson/codec.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { isIdentical, type Path, type PathChange, type UpdateDescription, updateDescription } from './description.ts';

/** How two documents or arrays differ, and how many bytes a real server's log entry takes for that. */
interface Difference {
  readonly bytes: number;
  readonly changes: readonly PathChange[];
}

/** What wraps the difference in a log entry of a real server (`{ $v: 2, diff: … }`), in bytes. */
const entryBytes = 15;
const emptyDocumentBytes = 5;
const emptyArrayBytes = 9;
const sizeFieldBytes = 7;
/** Each section (updated, inserted, deleted) is a document of its own. */
const sectionBytes = 8;
const flagBytes = 1;

/**
 * Describes an update by a pipeline as a real server does: field by field in their order, by parts where these take
 * fewer bytes than the value; `undefined` where the whole document is shorter, and the update logged as a replacement.
 * Source: `document_diff_calculator.cpp` of MongoDB 8.0.
 */
export function describeDifference(before: Document, after: Document): UpdateDescription | undefined {
  const difference = documentDifference(before, after, [], entryBytes);
  return difference && updateDescription(difference.changes);
}

function documentDifference(before: Document, after: Document, at: Path, padding = 0): Difference | undefined {
  const updated: PathChange[] = [];
  const inserted: PathChange[] = [];
  const inside: PathChange[] = [];
  const removed = new Set<string>();
  let bytes = padding + emptyDocumentBytes;
  const newNames = Object.keys(after);
  let next = 0;
  for (const name of Object.keys(before)) {
    const newName = newNames[next];
    // Fields stand in order: one that does not come next is removed, and put behind the others if it comes later.
    if (newName !== name) {
      removed.add(name);
      continue;
    }
    next += 1;
    const [old, value] = [before[name], after[name]];
    if (isIdentical(old, value)) continue;
    bytes += elementBytes(name);
    const part = partsDifference(old, value, [...at, name]);
    if (part) {
      bytes += part.bytes + flagBytes;
      inside.push(...part.changes);
    } else {
      bytes += valueBytes(value) + (updated.length === 0 ? sectionBytes : 0);
      updated.push({ path: [...at, name], value });
    }
  }
  for (const name of newNames.slice(next)) {
    bytes += elementBytes(name) + valueBytes(after[name]) + (inserted.length === 0 ? sectionBytes : 0);
    inserted.push({ path: [...at, name], value: after[name] });
    removed.delete(name);
  }
  for (const name of removed) bytes += elementBytes(name) + flagBytes;
  if (removed.size > 0) bytes += sectionBytes;
  if (bytes >= encode(after).length) return undefined;
  const taken = [...removed].map((name): PathChange => ({ path: [...at, name], value: undefined }));
  return { bytes, changes: [...updated, ...inserted, ...taken, ...inside] };
}

function arrayDifference(before: readonly unknown[], after: readonly unknown[], at: Path): Difference | undefined {
  const changes: PathChange[] = [];
  let bytes = emptyArrayBytes;
  if (after.length < before.length) {
    bytes += sizeFieldBytes;
    changes.push({ path: at, newSize: after.length });
  }
  after.forEach((value, index) => {
    if (index < before.length && isIdentical(before[index], value)) return;
    bytes += elementBytes(`u${index}`);
    const part = index < before.length ? partsDifference(before[index], value, [...at, index]) : undefined;
    bytes += part ? part.bytes : valueBytes(value);
    changes.push(...(part ? part.changes : [{ path: [...at, index], value }]));
  });
  return bytes < valueBytes(after) ? { bytes, changes } : undefined;
}

function partsDifference(before: unknown, after: unknown, at: Path): Difference | undefined {
  if (Array.isArray(before) && Array.isArray(after)) return arrayDifference(before, after, at);
  return isDocument(before) && isDocument(after) ? documentDifference(before, after, at) : undefined;
}

/** The type, the name and the zero behind it. */
const elementBytes = (name: string) => Buffer.byteLength(name) + 2;

const valueBytes = (value: unknown) => encode({ '': value }).length - emptyDocumentBytes - elementBytes('');
