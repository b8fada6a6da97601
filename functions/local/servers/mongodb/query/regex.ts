import { BSONRegExp, BSONSymbol } from 'bson';
import { badValue, CommandError } from '../errors.ts';

/** MongoDB's options in JavaScript: `x` (free spacing) has to be written out, the others carry over. */
export function toRegExp(pattern: string, options: string): RegExp {
  const unknown = /[^imsxu]/.exec(options);
  if (unknown) throw badValue(`invalid flag in regex options: ${unknown[0]}`);
  const source = options.includes('x') ? withoutFreeSpacing(pattern) : pattern;
  try {
    return new RegExp(source, options.replace(/[xu]/g, ''));
  } catch (cause) {
    throw new CommandError(51091, `Regular expression is invalid: ${cause instanceof Error ? cause.message : cause}`);
  }
}

function withoutFreeSpacing(pattern: string): string {
  return pattern.replace(/\\.|\[(?:\\.|[^\]\\])*\]|\s+|#[^\n]*/g, (piece) => (/^[\s#]/.test(piece) ? '' : piece));
}

/** The regular expression that a value is, if it is one. */
export function asRegExp(value: unknown): RegExp | undefined {
  if (value instanceof BSONRegExp) return toRegExp(value.pattern, value.options);
  return value instanceof RegExp ? value : undefined;
}

/** The text that a regular expression can be tried on. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof BSONSymbol ? value.value : undefined;
}
