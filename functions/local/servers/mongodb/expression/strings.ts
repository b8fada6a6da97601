import { CommandError } from '../errors.ts';
import { asRegExp, textOf, toRegExp } from '../query/regex.ts';
import { toText } from './conversion.ts';
import type { OperatorCompiler, OperatorTable } from './expression.ts';
import { isNullish, namedOperands, optional, withValue } from './operands.ts';

/** A text that is null or missing counts as empty here. */
const textOrEmpty = (value: unknown) => (isNullish(value) ? '' : toText(value));

const regexMatch: OperatorCompiler = (operand, compile) => {
  const named = namedOperands('$regexMatch', operand, ['input', 'regex', 'options']);
  const [input, regex, options] = [compile(named.input), compile(named.regex), optional(named.options, compile)];
  return (scope) => {
    const [value, pattern, flags] = [input(scope), regex(scope), options(scope)];
    if (isNullish(value) || isNullish(pattern)) return false;
    const given = asRegExp(pattern);
    const [text, source] = [textOf(value), given ? given.source : textOf(pattern)];
    if (text === undefined || source === undefined) throw new CommandError(51104, '$regexMatch only supports strings');
    return toRegExp(source, typeof flags === 'string' ? flags : (given?.flags ?? '')).test(text);
  };
};

export const stringOperators: OperatorTable = {
  $toUpper: withValue((value) => textOrEmpty(value).toUpperCase()),
  $toLower: withValue((value) => textOrEmpty(value).toLowerCase()),
  $regexMatch: regexMatch,
};
