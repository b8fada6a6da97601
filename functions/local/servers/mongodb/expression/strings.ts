import { Int32 } from 'bson';
import { CommandError } from '../errors.ts';
import { asRegExp, textOf, toRegExp } from '../query/regex.ts';
import { toText } from './conversion.ts';
import type { OperatorCompiler, OperatorTable } from './expression.ts';
import { isNullish, namedOperands, optional, withValue } from './operands.ts';

/** A text that is null or missing counts as empty here. */
const textOrEmpty = (value: unknown) => (isNullish(value) ? '' : toText(value));

function searcher(
  operator: string,
  search: (input: string, pattern: RegExp) => unknown,
  onNull: unknown,
): OperatorCompiler {
  return (operand, compile) => {
    const named = namedOperands(operator, operand, ['input', 'regex', 'options']);
    const [input, regex, options] = [compile(named.input), compile(named.regex), optional(named.options, compile)];
    return (scope) => {
      const [value, pattern, flags] = [input(scope), regex(scope), options(scope)];
      if (isNullish(value) || isNullish(pattern)) return onNull;
      const given = asRegExp(pattern);
      const [text, source] = [textOf(value), given ? given.source : textOf(pattern)];
      if (text === undefined || source === undefined)
        throw new CommandError(51104, `${operator} only supports strings`);
      return search(text, toRegExp(source, typeof flags === 'string' ? flags : (given?.flags ?? '')));
    };
  };
}

const describeMatch = (match: RegExpExecArray) => ({
  match: match[0],
  idx: new Int32([...match.input.slice(0, match.index)].length),
  captures: match.slice(1).map((capture) => capture ?? null),
});

export const stringOperators: OperatorTable = {
  $toUpper: withValue((value) => textOrEmpty(value).toUpperCase()),
  $toLower: withValue((value) => textOrEmpty(value).toLowerCase()),
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
