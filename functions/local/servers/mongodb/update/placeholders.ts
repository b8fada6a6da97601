import { valueAt } from '../bson/paths.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { badValue, failedToParse, typeMismatch } from '../errors.ts';
import type { Evaluation } from '../expression/scope.ts';
import { compileFilter, type Matcher } from '../query/matcher.ts';
import type { Change } from './changes.ts';

const placeholder = (part: string) => /^\$\[(.*)\]$/.exec(part)?.[1];

/** Compiles the array filters by the names of their placeholders. Throws 9 for one that no path uses. */
export function compileArrayFilters(
  arrayFilters: readonly unknown[],
  changes: readonly Change[],
  evaluation: Evaluation,
): ReadonlyMap<string, Matcher> {
  const filters = new Map<string, Matcher>();
  const used = new Set(changes.flatMap(({ parts }) => parts.map(placeholder)));
  for (const filter of arrayFilters) {
    if (!isDocument(filter)) throw typeMismatch('each of arrayFilters must be an object');
    const identifier = identifierOf(filter);
    if (filters.has(identifier))
      throw failedToParse(`Found multiple array filters with the same top-level field name ${identifier}`);
    if (!used.has(identifier))
      throw failedToParse(`The array filter for identifier '${identifier}' was not used in the update`);
    filters.set(identifier, compileFilter(filter, evaluation));
  }
  return filters;
}

function identifierOf(filter: Document): string {
  const [name, content] = Object.entries(filter)[0] ?? [];
  if (name === undefined)
    throw failedToParse('Cannot use an expression without a top-level field name in arrayFilters');
  if (!name.startsWith('$')) return name.split('.')[0] ?? name;
  const inner = Array.isArray(content) ? content.find(isDocument) : undefined;
  if (!inner) throw failedToParse(`Error parsing array filter: ${name}`);
  return identifierOf(inner);
}

/** The paths that a path with placeholders (`$`, `$[]`, `$[name]`) stands for in this document. */
export function expandPath(
  document: Document,
  parts: readonly string[],
  arrayIndex: number | undefined,
  filters: ReadonlyMap<string, Matcher>,
): string[][] {
  const at = parts.findIndex((part) => part === '$' || placeholder(part) !== undefined);
  const part = parts[at];
  if (part === undefined) return [[...parts]];
  const head = parts.slice(0, at);
  if (part === '$') {
    if (arrayIndex === undefined)
      throw badValue('The positional operator did not find the match needed from the query.');
    return expandPath(document, [...head, String(arrayIndex), ...parts.slice(at + 1)], arrayIndex, filters);
  }
  const array = valueAt(document, head);
  if (array === undefined)
    throw badValue(`The path '${head.join('.')}' must exist in the document in order to apply array updates.`);
  if (!Array.isArray(array)) throw badValue(`Cannot apply array updates to non-array element ${head.join('.')}`);
  const name = placeholder(part) ?? '';
  const filter = filters.get(name);
  if (name !== '' && !filter)
    throw badValue(`No array filter found for identifier '${name}' in path '${parts.join('.')}'`);
  return array.flatMap((item, index) =>
    !filter || filter({ [name]: item })
      ? expandPath(document, [...head, String(index), ...parts.slice(at + 1)], arrayIndex, filters)
      : [],
  );
}
