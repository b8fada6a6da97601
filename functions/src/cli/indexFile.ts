import { isDeepStrictEqual } from 'node:util';
import { applyEdits, type JSONPath, modify, type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import { z } from 'zod';
import type { CompositeIndex, FieldIndex, FieldOverride, RequiredIndexes } from '../reconcile/requiredIndexes.ts';

const scope = z.string().default('COLLECTION');

/** Of a firestore.indexes.json, what is compared; everything else in it stays as it is. */
const fileSchema = z.object({
  indexes: z
    .array(
      z.object({
        collectionGroup: z.string(),
        queryScope: scope,
        fields: z.array(z.object({ fieldPath: z.string(), order: z.string().optional() })),
      }),
    )
    .default([]),
  fieldOverrides: z
    .array(
      z.object({
        collectionGroup: z.string(),
        fieldPath: z.string(),
        ttl: z.boolean().default(false),
        indexes: z.array(z.object({ queryScope: scope, order: z.string().optional() })).default([]),
      }),
    )
    .default([]),
});
type IndexFile = z.output<typeof fileSchema>;

/** Something that the file lacks. */
export interface MissingIndex {
  /** What it is, for people. */
  readonly what: string;
  /** Where it belongs in the file; -1 is the end of a list. */
  readonly path: JSONPath;
  readonly value: CompositeIndex | FieldOverride | FieldIndex | true;
}

/** What the text of a firestore.indexes.json lacks, in the order in which it can be added. Comments in it are
 *  allowed, as for `firebase deploy`.
 *  @throws Error when it is not one. */
export function missingIndexes(text: string, required: RequiredIndexes): MissingIndex[] {
  const file = readIndexFile(text);
  return [
    ...distinct(required.indexes)
      .filter((index) => !file.indexes.some((known) => isSameIndex(known, index)))
      .map((index) => ({
        what: `index of ${index.collectionGroup} (${index.queryScope}): ${index.fields.map((f) => f.fieldPath).join(', ')}`,
        path: ['indexes', -1],
        value: index,
      })),
    ...distinct(required.fieldOverrides).flatMap((override) => missingOf(file, override)),
    ...distinct(required.kept).flatMap((field) => (isAutomatic(file, field) ? [] : missingOf(file, field))),
  ];
}

/** The text with what it lacks. Everything that was there stays as it was, also its formatting. */
export function withIndexes(text: string, missing: readonly MissingIndex[]): string {
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? '  ';
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const formattingOptions = { insertSpaces: !indent.includes('\t'), tabSize: indent.length, eol };
  const lists = Object.keys(fileSchema.shape).filter((list) => !(list in z.looseObject({}).parse(parse(text))));
  const complete = lists.reduce(
    (edited, list) => applyEdits(edited, modify(edited, [list], [], { formattingOptions })),
    text,
  );
  return missing.reduce((edited, { path, value }) => {
    // The library would format the line of the neighbour as well, so what is added is formatted here.
    const edits = modify(edited, path, value, {}).map((edit) => ({
      ...edit,
      content: laidOut(edit.content, value, path.length === pathOfEntry, { indent, eol }),
    }));
    return applyEdits(edited, edits);
  }, complete);
}

/** Segments of the path of an entry, which stands in a line of its own; what is added to an entry stays in a line of
 *  it. */
const pathOfEntry = 2;

const maxLineLength = 120;

function laidOut(
  content: string,
  value: MissingIndex['value'],
  isEntry: boolean,
  { indent, eol }: { readonly indent: string; readonly eol: string },
): string {
  const inOneLine = JSON.stringify(value, null, 1).replaceAll(/\n\s*/g, ' ');
  const [comma = ''] = /^,?/.exec(content) ?? [];
  if (!isEntry) return content.replace(JSON.stringify(value), inOneLine).replace(/^,/, ', ').replace(/":/, '": ');
  const margin = indent.repeat(2);
  const fits = margin.length + inOneLine.length < maxLineLength;
  const lines = fits ? inOneLine : JSON.stringify(value, null, indent).replaceAll('\n', `${eol}${margin}`);
  // The first entry of an empty list leaves the bracket that ends it in a line of its own.
  return `${comma}${eol}${margin}${lines}${comma === '' ? `${eol}${indent}` : ''}`;
}

function readIndexFile(text: string): IndexFile {
  const errors: ParseError[] = [];
  const content: unknown = parse(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error) throw new Error(`${printParseErrorCode(error.error)} at offset ${error.offset}`);
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  return parsed.data;
}

/** What one field lacks: its entry, or parts of it. */
function missingOf(file: IndexFile, field: FieldOverride): MissingIndex[] {
  const { collectionGroup, fieldPath, indexes, ttl = false } = field;
  const name = `${collectionGroup}.${fieldPath}`;
  const position = positionOf(file, field);
  const known = file.fieldOverrides[position];
  if (known === undefined) {
    const purpose = ttl ? 'TTL policy' : indexes.length === 0 ? 'exemption from indexes' : 'indexes';
    return [{ what: `${purpose} of ${name}`, path: ['fieldOverrides', -1], value: field }];
  }
  const at = ['fieldOverrides', position];
  return [
    ...(ttl && !known.ttl ? [{ what: `TTL policy of ${name}`, path: [...at, 'ttl'], value: true as const }] : []),
    ...indexes
      .filter(({ queryScope, order }) => !known.indexes.some((i) => i.queryScope === queryScope && i.order === order))
      .map((index) => ({
        what: `index of ${name} (${index.queryScope}, ${index.order})`,
        path: [...at, 'indexes', -1],
        value: index,
      })),
  ];
}

/** Whether a field has the indexes that are needed although nothing is said of it: those that Firestore makes by
 *  itself, but where something is said of all fields of the collection
 *  (https://firebase.google.com/docs/firestore/query-data/index-overview#single-field_index_exemptions). */
function isAutomatic(file: IndexFile, field: FieldOverride): boolean {
  if (positionOf(file, field) >= 0) return false;
  const all = { ...field, fieldPath: '*' };
  return positionOf(file, all) < 0 || missingOf(file, all).length === 0;
}

function positionOf(file: IndexFile, { collectionGroup, fieldPath }: FieldOverride): number {
  return file.fieldOverrides.findIndex((o) => o.collectionGroup === collectionGroup && o.fieldPath === fieldPath);
}

/** Firestore ends every index with the key, and an exported file says so. */
function isSameIndex(known: IndexFile['indexes'][number], { collectionGroup, queryScope, fields }: CompositeIndex) {
  const named = known.fields.filter(({ fieldPath }, position) => position === 0 || fieldPath !== '__name__');
  return isDeepStrictEqual({ ...known, fields: named }, { collectionGroup, queryScope, fields });
}

/** Two entries of the configuration may need the same. */
function distinct<T>(values: readonly T[]): T[] {
  return values.filter((value, position) => values.findIndex((other) => isDeepStrictEqual(other, value)) === position);
}
