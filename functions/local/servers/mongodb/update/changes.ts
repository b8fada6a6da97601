import { isIndex } from '../bson/paths.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { badValue, CommandError, failedToParse, notImplemented } from '../errors.ts';
import { updateOperators } from './operators.ts';

/** One operator applied to one path. */
export interface Change {
  readonly operator: string;
  readonly parts: readonly string[];
  readonly operand: unknown;
}

/** Parses an update by operators, in the order in which a real server makes the changes: by path. */
export function parseChanges(update: Document): Change[] {
  const changes: Change[] = [];
  for (const [operator, fields] of Object.entries(update)) {
    if (operator === '$bit') throw notImplemented(operator);
    if (!Object.hasOwn(updateOperators, operator) && operator !== '$rename') {
      throw failedToParse(`Unknown modifier: ${operator}`);
    }
    if (!isDocument(fields))
      throw failedToParse(`Modifiers operate on fields but we found type ${typeof fields} instead`);
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
