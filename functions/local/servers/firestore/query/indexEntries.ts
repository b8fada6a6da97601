// What the indexes hold of a document, by the published sizes and limits:
// https://firebase.google.com/docs/firestore/storage-size#index-entry-size
// https://firebase.google.com/docs/firestore/quotas
import { invalidArgument } from '../status.ts';
import type { Change } from '../store/store.ts';
import { fieldsOf, type StoredDocument } from '../values/document.ts';
import { canonicalPath, nameField, parseFieldPath, valueAt } from '../values/fieldPath.ts';
import { collectionIdOf, parentOf } from '../values/resourceName.ts';
import { indexEntryOverheadBytes, indexedSize, nameSize, textSize } from '../values/size.ts';
import { indexKey } from '../values/sortKey.ts';
import { type Fields, type Value, vectorElements } from '../values/value.ts';
import { type FieldMode, type IndexConfig, singleFieldIndexes } from './indexConfig.ts';

const maxEntriesPerDocument = 40_000;
const maxEntryBytes = 7680;
const maxEntryBytesPerDocument = 8 * 1024 * 1024;
const maxTransactionBytes = 10 * 1024 * 1024;
/** Production refuses an array of 20,000 elements: each of them has two entries. */
const entriesPerElement = 2;

/** The index entries of documents under one set of index definitions. */
export interface IndexEntries {
  /** The size of all entries of a document, in bytes.
   *  @throws FirestoreError INVALID_ARGUMENT if they are too many or too large */
  check(path: string, fields: Fields): number;
  /** Checks the size of a transaction: of the documents and of the index entries that it changes.
   *  @throws FirestoreError INVALID_ARGUMENT */
  checkTransaction(changes: readonly Change[]): void;
}

/** Called with each entry: what it is of, its bytes, and how often it is there. */
type Visit = (name: string, index: object, values: readonly Value[], bytes: number, times: number) => void;

export function createIndexEntries(config: IndexConfig): IndexEntries {
  const composites = config.indexes.map(({ fields, ...index }) => ({
    ...index,
    fields: fields
      .filter(({ fieldPath }) => fieldPath !== nameField)
      .map(({ fieldPath, mode }) => ({ path: parseFieldPath(fieldPath), mode })),
  }));

  const visitEntries = (path: string, fields: Fields, visit: Visit) => {
    const collectionId = collectionIdOf(path);
    const parent = parentOf(path);
    const name = nameSize(path) + indexEntryOverheadBytes;
    const base = { COLLECTION: name + (parent === '' ? 0 : nameSize(parent)), COLLECTION_GROUP: name };
    const visitFields = (inner: Fields, around: string) => {
      for (const [key, value] of inner) {
        const canonical = canonicalPath(key, around);
        const whole = [value];
        const ownBytes = textSize(canonical) + indexedSize(value);
        for (const index of singleFieldIndexes(config, collectionId, canonical)) {
          const ofName = base[index.queryScope];
          if (index.mode !== 'CONTAINS') visit(canonical, index, whole, ofName + ownBytes, 1);
          else if (value.type === 'array')
            for (const part of distinct(value.values))
              visit(canonical, index, [part], ofName + textSize(canonical) + indexedSize(part), entriesPerElement);
        }
        if (value.type === 'map' && !vectorElements(value.fields)) visitFields(value.fields, canonical);
      }
    };
    visitFields(fields, '');
    for (const index of composites) {
      if (index.collectionGroup !== collectionId) continue;
      const columns = index.fields.map((field) => indexedParts(valueAt(fields, field.path), field.mode));
      const rows = columns.reduce<readonly (readonly Value[])[]>(
        (sofar, column) => sofar.flatMap((row) => column.map((part) => [...row, part])),
        [[]],
      );
      const ofName = base[index.queryScope];
      for (const row of rows)
        visit(
          '',
          index,
          row,
          row.reduce((sum, part) => sum + indexedSize(part), ofName),
          1,
        );
    }
  };

  /** What a change adds and removes, if all entries of both states are looked at. */
  const changedBytes = ({ path, before, after }: Change) => {
    const changed = new Map<string, number>();
    const visitState = (document: StoredDocument | undefined, toggle: (key: string, bytes: number) => void) => {
      if (!document) return;
      visitEntries(path, fieldsOf(document), (name, index, values, bytes, times) =>
        toggle(JSON.stringify([name, index, ...values.map(indexKey)]), bytes * times),
      );
    };
    visitState(before, (key, bytes) => void changed.set(key, bytes));
    visitState(after, (key, bytes) => void (changed.delete(key) || changed.set(key, bytes)));
    return [...changed.values()].reduce((sum, bytes) => sum + bytes, (after ?? before)?.bytes ?? 0);
  };

  return {
    check(path, fields) {
      let [entries, sum, largest] = [0, 0, 0];
      visitEntries(path, fields, (_name, _index, _values, bytes, times) => {
        entries += times;
        sum += bytes * times;
        largest = Math.max(largest, bytes);
      });
      if (entries > maxEntriesPerDocument) throw invalidArgument(`too many index entries for entity /${path}`);
      if (largest > maxEntryBytes) throw invalidArgument('Index entry is too large.');
      if (sum > maxEntryBytesPerDocument) throw tooBig();
      return sum;
    },
    checkTransaction(changes) {
      const most = ({ before, after }: Change) =>
        ((after ?? before)?.bytes ?? 0) + (before?.entryBytes ?? 0) + (after?.entryBytes ?? 0);
      const bytesOf = (measure: (change: Change) => number) =>
        changes.reduce((sum, change) => sum + measure(change), 0);
      // Entries that stay do not count, but telling them apart takes both states: only where it may matter.
      if (bytesOf(most) > maxTransactionBytes && bytesOf(changedBytes) > maxTransactionBytes) throw tooBig();
    },
  };
}

const tooBig = () => invalidArgument('Transaction too big. Decrease transaction size.');

/** What an index of a mode has of a field: the value, or the distinct elements of an array. */
function indexedParts(value: Value | undefined, mode: FieldMode): readonly Value[] {
  if (value === undefined) return [];
  if (mode !== 'CONTAINS') return [value];
  return value.type === 'array' ? distinct(value.values) : [];
}

const distinct = (values: readonly Value[]) => [...new Map(values.map((each) => [indexKey(each), each])).values()];
