import { Int32, Long } from 'bson';
import { setField, valueAt } from '../bson/paths.ts';
import { type Document, fieldsOf, isDocument, isNumeric, toNumber } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import { sortBy } from '../query/sort.ts';
import type { StageTable } from './stage.ts';

function wholeNumber(stage: string, operand: unknown, least: number, code: number): number {
  const number = isNumeric(operand) ? toNumber(operand) : Number.NaN;
  if (!Number.isInteger(number) || number < least)
    throw new CommandError(code, `${stage} needs a whole number of at least ${least}, not ${String(operand)}`);
  return number;
}

function* take(documents: Iterable<Document>, count: number): Generator<Document> {
  let taken = 0;
  for (const document of documents) {
    yield document;
    taken += 1;
    if (taken >= count) return;
  }
}

/** Puts a value at a path of a document without changing the document itself. */
export function withValueAt(document: Document, parts: readonly string[], value: unknown): Document {
  const [part = '', ...rest] = parts;
  const copy: Document = { ...document };
  if (rest.length === 0) {
    if (value === undefined) delete copy[part];
    else setField(copy, part, value);
  } else {
    setField(copy, part, withValueAt(fieldsOf(copy[part]) ?? {}, rest, value));
  }
  return copy;
}

interface Unwind {
  readonly parts: readonly string[];
  readonly index: string | undefined;
  readonly keepEmpty: boolean;
}

function parseUnwind(operand: unknown): Unwind {
  const spec = isDocument(operand) ? operand : { path: operand };
  if (typeof spec.path !== 'string' || !spec.path.startsWith('$'))
    throw new CommandError(28818, `path option to $unwind stage should be prefixed with a '$': ${String(spec.path)}`);
  return {
    parts: spec.path.slice(1).split('.'),
    index: typeof spec.includeArrayIndex === 'string' ? spec.includeArrayIndex : undefined,
    keepEmpty: spec.preserveNullAndEmptyArrays === true,
  };
}

function* unwind(documents: Iterable<Document>, { parts, index, keepEmpty }: Unwind): Generator<Document> {
  const numbered = (document: Document, position: Long | null) =>
    index === undefined ? document : withValueAt(document, index.split('.'), position);
  for (const document of documents) {
    const value = valueAt(document, parts);
    if (Array.isArray(value) && value.length > 0) {
      for (const [position, item] of value.entries())
        yield numbered(withValueAt(document, parts, item), Long.fromNumber(position));
    } else if (Array.isArray(value)) {
      if (keepEmpty) yield numbered(withValueAt(document, parts, undefined), null);
    } else if ((value !== undefined && value !== null) || keepEmpty) {
      yield numbered(document, null);
    }
  }
}

/** Takes `size` documents at random, each at most once. */
function sample(documents: Iterable<Document>, size: number, random: () => number): Document[] {
  const pool = [...documents];
  const count = Math.min(size, pool.length);
  for (let i = 0; i < count; i += 1) {
    const other = i + Math.floor(random() * (pool.length - i));
    const picked = pool[other];
    const here = pool[i];
    if (picked === undefined || here === undefined) continue;
    pool[i] = picked;
    pool[other] = here;
  }
  return pool.slice(0, count);
}

export const streamStages: StageTable = {
  $limit: (operand) => {
    const limit = wholeNumber('$limit', operand, 1, 15958);
    return (documents) => take(documents, limit);
  },
  $skip: (operand) => {
    const skip = wholeNumber('$skip', operand, 0, 15956);
    return function* (documents) {
      let position = 0;
      for (const document of documents) {
        if (position >= skip) yield document;
        position += 1;
      }
    };
  },
  $sort: (operand) => {
    if (!isDocument(operand) || Object.keys(operand).length === 0)
      throw new CommandError(15976, '$sort stage must have at least one sort key');
    return (documents) => sortBy(documents, operand, (document) => document);
  },
  $count: (operand) => {
    if (typeof operand !== 'string' || operand === '' || operand.startsWith('$') || operand.includes('.'))
      throw new CommandError(40156, 'the count field must be a non-empty string without dots and dollars');
    return function* (documents) {
      let count = 0;
      for (const _ of documents) count += 1;
      if (count > 0) yield { [operand]: new Int32(count) };
    };
  },
  $unwind: (operand) => {
    const spec = parseUnwind(operand);
    return (documents) => unwind(documents, spec);
  },
  $sample: (operand, { sources }) => {
    const size = wholeNumber('$sample', isDocument(operand) ? operand.size : undefined, 1, 28747);
    return (documents) => sample(documents, size, sources.random);
  },
  $facet: (operand, { compile, evaluation }) => {
    if (!isDocument(operand)) throw new CommandError(40169, 'the $facet specification must be a non-empty object');
    const facets = Object.entries(operand).map(([name, pipeline]) => ({ name, run: compile(pipeline, evaluation) }));
    return (documents) => {
      const all = [...documents];
      return [Object.fromEntries(facets.map(({ name, run }) => [name, [...run(all)]]))];
    };
  },
};
