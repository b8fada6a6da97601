import { type Document, isDocument, isNumeric, type Numeric, toNumber } from '../bson/values.ts';
import type { Query } from './read.ts';

/** What a collection can do of a pipeline by itself, its leading `$match`, `$sort` and `$limit`, and the stages left.
 */
export function leadingStages(pipeline: readonly unknown[]): { query: Query; rest: readonly unknown[] } {
  const rest = [...pipeline];
  const take = <T>(name: string, fits: (operand: unknown) => operand is T): T | undefined => {
    const [stage] = rest;
    if (!isDocument(stage) || Object.keys(stage).length !== 1 || !(name in stage)) return undefined;
    const operand = stage[name];
    if (!fits(operand)) return undefined;
    rest.shift();
    return operand;
  };
  const filter = take('$match', isDocument) ?? {};
  const sort = take('$sort', (operand): operand is Document => isDocument(operand) && Object.keys(operand).length > 0);
  const limit = take(
    '$limit',
    (operand): operand is Numeric => isNumeric(operand) && Number.isInteger(toNumber(operand)) && toNumber(operand) > 0,
  );
  return { query: { filter, sort, limit: limit === undefined ? 0 : toNumber(limit) }, rest };
}
