import type { Timestamp } from 'bson';
import { decode, encode } from '../bson/codec.ts';
import { isIndex, valueAt } from '../bson/paths.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { badValue, CommandError, failedToParse } from '../errors.ts';
import type { Evaluation } from '../expression/scope.ts';
import { compileFilter, type Matcher } from '../query/matcher.ts';
import { describeTouched, isIdentical, type UpdateDescription } from './description.ts';
import { describeDifference } from './diff.ts';
import { type OperatorContext, updateOperators } from './operators.ts';
import { compileUpdatePipeline } from './pipeline.ts';
import { openTarget } from './target.ts';

/** The state of things that an update is applied in. */
export interface UpdateContext {
  /** The array element that the query matched: what `$` stands for. */
  readonly arrayIndex?: number | undefined;
  readonly inserting: boolean;
  readonly now: number;
  readonly clusterTime: Timestamp;
}

/** What an update makes of a document. */
export type UpdateOutcome =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'update'; readonly after: Document; readonly description: UpdateDescription }
  | { readonly kind: 'replace'; readonly after: Document };

export interface CompiledUpdate {
  /** Whether the whole document is replaced; then only one document can be updated. */
  readonly replacement: boolean;
  /** Applies the update; the given document is left as it is. Throws 66 if `_id` would change. */
  apply(before: Document, context: UpdateContext): UpdateOutcome;
}

/** Compiles the `u` of an update: operators, a pipeline or a replacement. Throws 9 (FailedToParse), 40 for two changes of one path. */
export function compileUpdate(
  update: unknown,
  arrayFilters: readonly unknown[],
  evaluation: Evaluation,
): CompiledUpdate {
  if (Array.isArray(update)) {
    if (arrayFilters.length > 0) throw failedToParse('arrayFilters may not be specified for pipeline-style updates');
    return compilePipeline(update, evaluation);
  }
  if (!isDocument(update)) throw failedToParse('Update argument must be either an object or an array');
  const first = Object.keys(update)[0];
  if (first?.startsWith('$')) return compileOperators(update, arrayFilters, evaluation);
  if (arrayFilters.length > 0) throw failedToParse('arrayFilters may not be specified for replacement-style updates');
  return compileReplacement(update);
}

function requireSameId(before: Document, after: Document, path: string): void {
  if ('_id' in before && !isIdentical(before._id, after._id)) {
    throw new CommandError(66, `Performing an update on the path '${path}' would modify the immutable field '_id'`);
  }
}

function compileReplacement(update: Document): CompiledUpdate {
  const operator = Object.keys(update).find((name) => name.startsWith('$'));
  if (operator !== undefined)
    throw new CommandError(
      52,
      `The dollar ($) prefixed field '${operator}' in '${operator}' is not allowed in the context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.`,
    );
  return {
    replacement: true,
    apply(before) {
      if ('_id' in update && '_id' in before && !isIdentical(update._id, before._id)) {
        throw new CommandError(
          66,
          `After applying the update, the (immutable) field '_id' was found to have been altered to _id: ${String(update._id)}`,
        );
      }
      const id = '_id' in before ? before._id : update._id;
      const after: Document = id === undefined ? { ...update } : { _id: id, ...update };
      return isIdentical(before, after) ? { kind: 'unchanged' } : { kind: 'replace', after };
    },
  };
}

function compilePipeline(stages: readonly unknown[], evaluation: Evaluation): CompiledUpdate {
  const run = compileUpdatePipeline(stages, evaluation);
  return {
    replacement: false,
    apply(before) {
      const result = run(before);
      const after = '_id' in before && !('_id' in result) ? { _id: before._id, ...result } : result;
      requireSameId(before, after, '_id');
      if (isIdentical(before, after)) return { kind: 'unchanged' };
      const description = describeDifference(before, after);
      const { updatedFields, removedFields, truncatedArrays } = description;
      const described = Object.keys(updatedFields).length + removedFields.length + truncatedArrays.length > 0;
      // Fields that only changed places, or have names that a path cannot express, are logged as a replacement.
      const expressible = described && Object.keys(after).every((name) => !name.includes('.') && !name.startsWith('$'));
      return expressible ? { kind: 'update', after, description } : { kind: 'replace', after };
    },
  };
}

interface Change {
  readonly operator: string;
  readonly parts: readonly string[];
  readonly operand: unknown;
}

function compileOperators(update: Document, arrayFilters: readonly unknown[], evaluation: Evaluation): CompiledUpdate {
  const changes = parseChanges(update);
  const filters = compileArrayFilters(arrayFilters, changes, evaluation);
  return {
    replacement: false,
    apply(before, context) {
      // A copy through the codec: operators write into nested documents and arrays.
      const after = decode(encode(before));
      const touched = new Set<string>();
      const operatorContext: OperatorContext = { ...context, evaluation };
      for (const change of changes) {
        for (const parts of expandPath(after, change.parts, context.arrayIndex, filters)) {
          applyChange(after, change, parts, touched, operatorContext);
        }
      }
      requireSameId(before, after, '_id');
      if (touched.size === 0) return { kind: 'unchanged' };
      return { kind: 'update', after, description: describeTouched(after, touched) };
    },
  };
}

function applyChange(
  after: Document,
  change: Change,
  parts: readonly string[],
  touched: Set<string>,
  context: OperatorContext,
): void {
  const target = openTarget(after, parts, touched);
  if (change.operator === '$rename') {
    const value = target.value();
    if (value === undefined) return;
    const to = String(change.operand).split('.');
    target.remove();
    openTarget(after, to, touched).set(value);
    return;
  }
  updateOperators[change.operator]?.(target, change.operand, context);
}

/** The changes in the order in which a real server makes them: by path, so that new fields are sorted by name. */
function parseChanges(update: Document): Change[] {
  const changes: Change[] = [];
  for (const [operator, fields] of Object.entries(update)) {
    if (!Object.hasOwn(updateOperators, operator) && operator !== '$rename') {
      throw failedToParse(
        `Unknown modifier: ${operator}. Expected a valid update modifier or pipeline-style update specified as an array`,
      );
    }
    if (!isDocument(fields))
      throw failedToParse(
        `Modifiers operate on fields but we found type ${typeof fields} instead. For example: {$mod: {<field>: ...}} not {${operator}: ...}`,
      );
    for (const [path, operand] of Object.entries(fields)) {
      const parts = path.split('.');
      if (parts.some((part) => part === ''))
        throw new CommandError(56, `The update path '${path}' contains an empty field name, which is not allowed.`);
      if (operator === '$rename' && typeof operand !== 'string')
        throw badValue(`The 'to' field for $rename must be a string: ${path}`);
      changes.push({ operator, parts, operand });
    }
  }
  requireNoConflict(changes);
  return changes.sort((a, b) => comparePaths(a.parts, b.parts));
}

function requireNoConflict(changes: readonly Change[]): void {
  const paths = changes.flatMap(({ operator, parts, operand }) =>
    operator === '$rename' ? [parts.join('.'), String(operand)] : [parts.join('.')],
  );
  const seen = new Set<string>();
  for (const path of paths) {
    if (seen.has(path)) throw conflict(path, path);
    seen.add(path);
  }
  for (const path of paths) {
    for (let dot = path.indexOf('.'); dot !== -1; dot = path.indexOf('.', dot + 1)) {
      if (seen.has(path.slice(0, dot))) throw conflict(path, path.slice(0, dot));
    }
  }
}

const conflict = (path: string, at: string) =>
  new CommandError(40, `Updating the path '${path}' would create a conflict at '${at}'`);

function comparePaths(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const [left = '', right = ''] = [a[i], b[i]];
    if (left === right) continue;
    if (isIndex(left) && isIndex(right)) return Number(left) - Number(right);
    return left < right ? -1 : 1;
  }
  return a.length - b.length;
}

const placeholder = (part: string) => /^\$\[(.*)\]$/.exec(part)?.[1];

function compileArrayFilters(
  arrayFilters: readonly unknown[],
  changes: readonly Change[],
  evaluation: Evaluation,
): ReadonlyMap<string, Matcher> {
  const filters = new Map<string, Matcher>();
  const used = new Set(changes.flatMap(({ parts }) => parts.map(placeholder)));
  for (const filter of arrayFilters) {
    if (!isDocument(filter)) throw typeMismatch();
    const identifier = identifierOf(filter);
    if (filters.has(identifier))
      throw failedToParse(`Found multiple array filters with the same top-level field name ${identifier}`);
    if (!used.has(identifier))
      throw failedToParse(`The array filter for identifier '${identifier}' was not used in the update`);
    filters.set(identifier, compileFilter(filter, evaluation));
  }
  return filters;
}

const typeMismatch = () => new CommandError(14, 'each of arrayFilters must be an object');

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
function expandPath(
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
