import { BSONSymbol, Int32 } from 'bson';
import { isNumeric, toNumber, typeOf } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import { asRegExp, toRegExp } from '../query/regex.ts';
import { toText } from './conversion.ts';
import type { Expression, OperatorTable } from './expression.ts';
import { isNullish, namedOperands, optional, withValue, withValues } from './operands.ts';

function text(operator: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof BSONSymbol) return value.value;
  throw new CommandError(16702, `${operator} only supports strings, not ${typeOf(value)}`);
}

const position = (value: unknown, fallback: number) => (isNumeric(value) ? toNumber(value) : fallback);

const codePoints = (value: string) => [...value];

/** A text that is null or missing counts as empty here. */
const textOrEmpty = (value: unknown) => (isNullish(value) ? '' : toText(value));

function substringBytes([value, from, count]: readonly unknown[]): string {
  const bytes = Buffer.from(textOrEmpty(value), 'utf8');
  const start = position(from, 0);
  const length = position(count, -1);
  return bytes.subarray(start, length < 0 ? bytes.length : start + length).toString('utf8');
}

function indexIn(operator: string, units: (value: string) => readonly (string | number)[]) {
  return withValues(([value, wanted, from, to]) => {
    if (isNullish(value)) return null;
    const hay = units(text(operator, value));
    const needle = units(text(operator, wanted));
    const end = Math.min(hay.length, position(to, hay.length));
    for (let i = position(from, 0); i + needle.length <= end; i += 1) {
      if (needle.every((unit, offset) => hay[i + offset] === unit)) return new Int32(i);
    }
    return new Int32(-1);
  });
}

function trimmer(operator: string, left: boolean, right: boolean) {
  return (operand: unknown, compile: (spec: unknown) => Expression): Expression => {
    const named = namedOperands(operator, operand, ['input', 'chars']);
    const [input, chars] = [compile(named.input), optional(named.chars, compile)];
    return (scope) => {
      const value = input(scope);
      if (isNullish(value)) return null;
      const set = chars(scope);
      const units = codePoints(text(operator, value));
      const cut = isNullish(set)
        ? (unit: string) => /[\s\0]/.test(unit)
        : (unit: string) => codePoints(text(operator, set)).includes(unit);
      let start = 0;
      let end = units.length;
      while (left && start < end && cut(units[start] ?? '')) start += 1;
      while (right && end > start && cut(units[end - 1] ?? '')) end -= 1;
      return units.slice(start, end).join('');
    };
  };
}

function replacer(operator: string, replace: (input: string, find: string, by: string) => string) {
  return (operand: unknown, compile: (spec: unknown) => Expression): Expression => {
    const named = namedOperands(operator, operand, ['input', 'find', 'replacement']);
    const parts = [compile(named.input), compile(named.find), compile(named.replacement)];
    return (scope) => {
      const values = parts.map((part) => part(scope));
      if (values.some(isNullish)) return null;
      const [input = '', find = '', by = ''] = values.map((value) => text(operator, value));
      return replace(input, find, by);
    };
  };
}

function searcher(operator: string, search: (input: string, pattern: RegExp) => unknown, onNull: unknown) {
  return (operand: unknown, compile: (spec: unknown) => Expression): Expression => {
    const named = namedOperands(operator, operand, ['input', 'regex', 'options']);
    const [input, regex, options] = [compile(named.input), compile(named.regex), optional(named.options, compile)];
    return (scope) => {
      const value = input(scope);
      const pattern = regex(scope);
      const flags = options(scope);
      if (isNullish(value) || isNullish(pattern)) return onNull;
      const given = asRegExp(pattern);
      const source = given ? given.source : text(operator, pattern);
      return search(text(operator, value), toRegExp(source, typeof flags === 'string' ? flags : (given?.flags ?? '')));
    };
  };
}

const describeMatch = (match: RegExpExecArray) => ({
  match: match[0],
  idx: new Int32(codePoints(match.input.slice(0, match.index)).length),
  captures: match.slice(1).map((capture) => capture ?? null),
});

export const stringOperators: OperatorTable = {
  $concat: withValues((values) =>
    values.some(isNullish) ? null : values.map((value) => text('$concat', value)).join(''),
  ),
  $toUpper: withValue((value) => textOrEmpty(value).toUpperCase()),
  $toLower: withValue((value) => textOrEmpty(value).toLowerCase()),
  $substr: withValues(substringBytes),
  $substrBytes: withValues(substringBytes),
  $substrCP: withValues(([value, from, count]) =>
    codePoints(textOrEmpty(value))
      .slice(position(from, 0), position(from, 0) + position(count, 0))
      .join(''),
  ),
  $strLenBytes: withValue((value) => new Int32(Buffer.byteLength(text('$strLenBytes', value)))),
  $strLenCP: withValue((value) => new Int32(codePoints(text('$strLenCP', value)).length)),
  $strcasecmp: withValues(([a, b]) => {
    const [left, right] = [textOrEmpty(a).toUpperCase(), textOrEmpty(b).toUpperCase()];
    return new Int32(left < right ? -1 : left > right ? 1 : 0);
  }),
  $split: withValues(([value, separator]) =>
    isNullish(value) || isNullish(separator) ? null : text('$split', value).split(text('$split', separator)),
  ),
  $indexOfCP: indexIn('$indexOfCP', codePoints),
  $indexOfBytes: indexIn('$indexOfBytes', (value) => [...Buffer.from(value, 'utf8')]),
  $trim: trimmer('$trim', true, true),
  $ltrim: trimmer('$ltrim', true, false),
  $rtrim: trimmer('$rtrim', false, true),
  $replaceOne: replacer('$replaceOne', (input, find, by) => input.replace(find, () => by)),
  $replaceAll: replacer('$replaceAll', (input, find, by) => input.replaceAll(find, () => by)),
  $regexMatch: searcher('$regexMatch', (input, pattern) => pattern.test(input), false),
  $regexFind: searcher(
    '$regexFind',
    (input, pattern) => {
      const match = pattern.exec(input);
      return match ? describeMatch(match) : null;
    },
    null,
  ),
  $regexFindAll: searcher(
    '$regexFindAll',
    (input, pattern) => [...input.matchAll(new RegExp(pattern, `${pattern.flags}g`))].map(describeMatch),
    [],
  ),
};
