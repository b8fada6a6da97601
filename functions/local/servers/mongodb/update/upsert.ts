import { ObjectId } from 'bson';
import { type Document, isDocument } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import { asRegExp } from '../query/regex.ts';
import type { CompiledUpdate, UpdateContext } from './compile.ts';
import { isIdentical } from './description.ts';
import { openTarget } from './target.ts';

/** What an upsert inserts: the equalities of the query, changed by the update; `_id` comes first, made if not given. */
export function upsertedDocument(filter: Document, update: CompiledUpdate, context: UpdateContext): Document {
  const seed: Document = {};
  for (const [path, value] of equalities(filter)) {
    if (!update.replacement || path === '_id') openTarget(seed, path.split('.'), new Set()).set(value);
  }
  const outcome = update.apply(withoutId(seed), context);
  const result = outcome.kind === 'unchanged' ? withoutId(seed) : outcome.after;
  if ('_id' in seed && '_id' in result && !isIdentical(seed._id, result._id)) {
    throw new CommandError(66, "Performing an update on the path '_id' would modify the immutable field '_id'");
  }
  const id = '_id' in seed ? seed._id : '_id' in result ? result._id : new ObjectId();
  return { _id: id, ...withoutId(result) };
}

function withoutId(document: Document): Document {
  const { _id, ...rest } = document;
  return rest;
}

/** The fields that a filter fixes to one value. */
function equalities(filter: Document): [path: string, value: unknown][] {
  return Object.entries(filter).flatMap(([name, condition]): [string, unknown][] => {
    if (name === '$and' || name === '$or') {
      if (!Array.isArray(condition) || (name === '$or' && condition.length !== 1)) return [];
      return condition.flatMap((item) => (isDocument(item) ? equalities(item) : []));
    }
    if (name.startsWith('$') || asRegExp(condition)) return [];
    if (!isDocument(condition) || !Object.keys(condition)[0]?.startsWith('$')) return [[name, condition]];
    if ('$eq' in condition) return [[name, condition.$eq]];
    if (Array.isArray(condition.$in) && condition.$in.length === 1) return [[name, condition.$in[0]]];
    return [];
  });
}
