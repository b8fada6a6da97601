import type { Timestamp } from 'bson';
import { decode, encode } from '../bson/codec.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { CommandError, failedToParse } from '../errors.ts';
import type { Evaluation } from '../expression/scope.ts';
import { type Change, parseChanges } from './changes.ts';
import { describeTouched, isIdentical, type UpdateDescription } from './description.ts';
import { describeDifference } from './diff.ts';
import { type OperatorContext, updateOperators } from './operators.ts';
import { compileUpdatePipeline } from './pipeline.ts';
import { compileArrayFilters, expandPath } from './placeholders.ts';
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

/** Compiles operators, a pipeline or a replacement. Throws 9 (FailedToParse), 40 for two changes of one path. */
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
    throw new CommandError(52, `The dollar ($) prefixed field '${operator}' is not allowed in a replacement document`);
  return {
    replacement: true,
    apply(before) {
      if ('_id' in update && '_id' in before && !isIdentical(update._id, before._id)) {
        throw new CommandError(66, `The immutable field '_id' would be altered to ${String(update._id)}`);
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
      return description ? { kind: 'update', after, description } : { kind: 'replace', after };
    },
  };
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
