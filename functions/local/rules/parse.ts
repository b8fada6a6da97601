import {
  type AllowRule,
  type BinaryOperator,
  type Expression,
  type FunctionDeclaration,
  type MatchBlock,
  type Method,
  methods,
  type PatternSegment,
  type Position,
  type Ruleset,
  UnsupportedRulesError,
} from './syntax.ts';

/** The rules text is not what the language allows. */
export class RulesSyntaxError extends Error {
  constructor(problem: string, at: Position) {
    super(`firestore.rules:${at.line}:${at.column}: ${problem}`);
    this.name = 'RulesSyntaxError';
  }
}

/** From the loosest to the tightest; operators of one row group from the left
 *  (https://firebase.google.com/docs/rules/rules-language#building_conditions). */
const precedence: readonly (readonly BinaryOperator[])[] = [
  ['||'],
  ['&&'],
  ['==', '!='],
  ['<=', '>=', '<', '>', 'in'],
  ['+', '-'],
  ['*', '%'],
];
const rowOfIs = 3;

const methodsOf: Readonly<Record<string, readonly Method[]>> = {
  ...Object.fromEntries(methods.map((method) => [method, [method]])),
  read: ['get', 'list'],
  write: ['create', 'update', 'delete'],
};

const identifier = /[A-Za-z_][A-Za-z0-9_]*/y;
const number = /[0-9]+(\.[0-9]+)?/y;
/** What a literal segment of a path may be made of; `(default)` is the name of a database. */
const pathText = /[A-Za-z0-9_.~%-]+|\([A-Za-z0-9-]+\)/y;
const blank = /(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;

/** Reads rules of version 2 for Cloud Firestore.
 *  @throws RulesSyntaxError for text that is not rules, UnsupportedRulesError for rules of another version or
 *  service. */
export function parseRules(text: string): Ruleset {
  let offset = 0;

  const here = (): Position => {
    const before = text.slice(0, offset).split('\n');
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  };
  const fail = (expected: string): never => {
    const found = JSON.stringify(text.slice(offset, offset + 20) || 'the end');
    throw new RulesSyntaxError(`expected ${expected}, found ${found}`, here());
  };
  /** Takes what the sticky expression matches here, or nothing. */
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = offset;
    const [match] = pattern.exec(text) ?? [];
    if (match !== undefined) offset += match.length;
    return match;
  };
  const skipBlank = () => void take(blank);
  const peek = (symbol: string): boolean => {
    skipBlank();
    if (!text.startsWith(symbol, offset)) return false;
    // `in` is not the beginning of `index`, and `is` not that of `isPlainId`.
    return !/^\w+$/.test(symbol) || !/\w/.test(text[offset + symbol.length] ?? '');
  };
  const accept = (symbol: string): boolean => {
    if (!peek(symbol)) return false;
    offset += symbol.length;
    return true;
  };
  const expect = (symbol: string) => void (accept(symbol) || fail(`"${symbol}"`));
  const name = (): string => {
    skipBlank();
    return take(identifier) ?? fail('a name');
  };
  const listOf = <T>(end: string, item: () => T): T[] => {
    const items: T[] = [];
    while (!accept(end)) {
      if (items.length > 0) expect(',');
      items.push(item());
    }
    return items;
  };

  const stringLiteral = (quote: string): string => {
    let value = '';
    while (text[offset] !== quote) {
      const character = text[offset];
      if (character === undefined || character === '\n') return fail(`the closing ${quote}`);
      if (character === '\\') throw new UnsupportedRulesError('an escape in a text', here());
      value += character;
      offset += 1;
    }
    offset += 1;
    return value;
  };

  /** A path in an expression; its first slash is not taken yet. */
  const pathLiteral = (at: Position): Expression => {
    const segments: (string | Expression)[] = [];
    while (text[offset] === '/') {
      offset += 1;
      if (text.startsWith('$(', offset)) {
        offset += 2;
        segments.push(expression());
        expect(')');
      } else {
        segments.push(take(pathText) ?? fail('a segment of a path'));
      }
    }
    return { at, kind: 'path', segments };
  };

  const primary = (): Expression => {
    skipBlank();
    const at = here();
    if (accept('(')) {
      const inner = expression();
      expect(')');
      return inner;
    }
    if (accept('[')) return { at, kind: 'list', items: listOf(']', expression) };
    if (peek('/')) return pathLiteral(at);
    for (const quote of ["'", '"']) {
      if (accept(quote)) return { at, kind: 'literal', value: stringLiteral(quote) };
    }
    const digits = take(number);
    if (digits !== undefined) return { at, kind: 'literal', value: Number(digits) };
    if (peek('{')) throw new UnsupportedRulesError('a map literal', at);
    const word = name();
    if (word === 'true' || word === 'false') return { at, kind: 'literal', value: word === 'true' };
    if (word === 'null') return { at, kind: 'literal', value: null };
    if (accept('(')) return { at, kind: 'call', name: word, args: listOf(')', expression) };
    return { at, kind: 'name', name: word };
  };

  const postfix = (): Expression => {
    let object = primary();
    for (;;) {
      skipBlank();
      const at = here();
      if (accept('.')) {
        const member = name();
        object = accept('(')
          ? { at, kind: 'method', object, name: member, args: listOf(')', expression) }
          : { at, kind: 'member', object, name: member };
      } else if (accept('[')) {
        const index = expression();
        if (peek(':')) throw new UnsupportedRulesError('a range of a list', at);
        expect(']');
        object = { at, kind: 'index', object, index };
      } else {
        return object;
      }
    }
  };

  const unary = (): Expression => {
    skipBlank();
    const at = here();
    if (!peek('!=') && accept('!')) return { at, kind: 'unary', operator: '!', operand: unary() };
    if (accept('-')) return { at, kind: 'unary', operator: '-', operand: unary() };
    return postfix();
  };

  const binary = (row: number): Expression => {
    const operators = precedence[row];
    if (!operators) return unary();
    let left = binary(row + 1);
    for (;;) {
      skipBlank();
      const at = here();
      if (row === rowOfIs && accept('is')) {
        left = { at, kind: 'is', operand: left, type: name() };
        continue;
      }
      const operator = operators.find(accept);
      if (operator === undefined) return left;
      left = { at, kind: 'binary', operator, left, right: binary(row + 1) };
    }
  };

  const expression = (): Expression => {
    const result = binary(0);
    if (peek('?')) throw new UnsupportedRulesError('a choice with "?"', here());
    if (peek('/')) throw new UnsupportedRulesError('a division', here());
    return result;
  };

  const allowRule = (at: Position): AllowRule => {
    const allowed: Method[] = [];
    do {
      const word = name();
      allowed.push(...(methodsOf[word] ?? fail(`a method instead of "${word}"`)));
    } while (accept(','));
    let condition: Expression | undefined;
    if (accept(':')) {
      expect('if');
      condition = expression();
    }
    expect(';');
    return { at, methods: allowed, condition };
  };

  const functionDeclaration = (at: Position): FunctionDeclaration => {
    const functionName = name();
    expect('(');
    const parameters = listOf(')', name);
    expect('{');
    const bindings: { name: string; value: Expression }[] = [];
    while (accept('let')) {
      const binding = name();
      expect('=');
      bindings.push({ name: binding, value: expression() });
      expect(';');
    }
    expect('return');
    const result = expression();
    accept(';');
    expect('}');
    return { at, name: functionName, parameters, bindings, result };
  };

  const pattern = (): PatternSegment[] => {
    const segments: PatternSegment[] = [];
    skipBlank();
    while (text[offset] === '/') {
      offset += 1;
      if (accept('{')) {
        const wildcard = name();
        segments.push({ kind: accept('=**') ? 'many' : 'one', name: wildcard });
        expect('}');
      } else {
        segments.push({ kind: 'text', text: take(pathText) ?? fail('a segment of a path') });
      }
    }
    return segments.length > 0 ? segments : fail('a path');
  };

  /** The inside of a `match` or `service` block, after its opening brace. */
  const body = () => {
    const functions: FunctionDeclaration[] = [];
    const rules: AllowRule[] = [];
    const blocks: MatchBlock[] = [];
    while (!accept('}')) {
      skipBlank();
      const at = here();
      if (accept('match')) {
        const path = pattern();
        expect('{');
        blocks.push({ at, pattern: path, ...body() });
      } else if (accept('function')) functions.push(functionDeclaration(at));
      else if (accept('allow')) rules.push(allowRule(at));
      else fail('"match", "allow", "function" or "}"');
    }
    return { functions, rules, blocks };
  };

  const version = () => {
    const at = here();
    if (!accept('rules_version')) throw new UnsupportedRulesError('rules of version 1', at);
    expect('=');
    skipBlank();
    const quote = text[offset] ?? '';
    offset += 1;
    if (stringLiteral(quote) !== '2') throw new UnsupportedRulesError('rules of another version than 2', at);
    expect(';');
  };

  version();
  expect('service');
  expect('cloud.firestore');
  expect('{');
  const { functions, rules, blocks } = body();
  if (rules[0]) throw new RulesSyntaxError('an "allow" stands outside every "match"', rules[0].at);
  skipBlank();
  if (offset < text.length) fail('the end');
  return { functions, blocks };
}
