import { Int32 } from 'bson';
import type { Document } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { Operation } from '../operation.ts';

/** What came of a list of write statements. */
export interface BatchOutcome<T> {
  readonly results: readonly { readonly index: number; readonly result: T }[];
  readonly errors: readonly { readonly index: number; readonly error: CommandError }[];
  readonly retried: readonly number[];
}

/** Runs statements in turn; an ordered batch ends at its first error, and a transaction at any. */
export async function runBatch<T>(
  operation: Operation,
  count: number,
  ordered: boolean,
  run: (index: number) => T,
): Promise<BatchOutcome<T>> {
  const results: { index: number; result: T }[] = [];
  const errors: { index: number; error: CommandError }[] = [];
  const retried: number[] = [];
  for (let index = 0; index < count; index += 1) {
    try {
      const { result, retried: again } = await operation.once(index, () => run(index));
      results.push({ index, result });
      if (again) retried.push(index);
    } catch (error) {
      if (!(error instanceof CommandError) || error.code === writeConflictCode) throw error;
      errors.push({ index, error });
      if (ordered || operation.transaction) break;
    }
  }
  if (errors.length > 0 && operation.transaction?.state === 'open') {
    operation.deployment.writer.abort(operation.transaction);
  }
  return { results, errors, retried };
}

/** Ends the whole command, so that the driver runs the transaction again. */
const writeConflictCode = 112;

/** One entry of `writeErrors`. */
const writeError = (index: number, error: CommandError): Document => ({
  index: new Int32(index),
  code: new Int32(error.code),
  ...error.details,
  errmsg: error.message,
});

/** The fields that every write reply has besides its counts. */
export function batchFields({ errors, retried }: BatchOutcome<unknown>): Document {
  return {
    ...(errors.length > 0 ? { writeErrors: errors.map(({ index, error }) => writeError(index, error)) } : {}),
    ...(retried.length > 0 ? { retriedStmtIds: retried.map((index) => new Int32(index)) } : {}),
  };
}
