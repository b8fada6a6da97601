import { invalidArgument } from './status.ts';

/** Whether a subscription with a filter receives a message with these attributes. */
export type AttributeFilter = (attributes: Readonly<Record<string, string>>) => boolean;

/** The service refuses longer filters. */
const maxFilterBytes = 256;

interface Token {
  readonly kind: 'word' | 'string' | 'symbol';
  readonly text: string;
}

/** Blanks, then one token. */
const tokenPattern = /\s*(?:(?<word>\w[\w-]*)|(?<string>"(?:[^"\\]|\\.)*")|(?<symbol>!=|[(),.:=-]))\s*/y;

/** Compiles the filter language of subscriptions: `attributes:key`, `attributes.key = "value"`, `!=`,
 *  `hasPrefix(attributes.key, "prefix")`, joined by AND, OR and NOT (or `-`). The operators are upper case, and AND and
 *  OR may be mixed only with parentheses, as in the service. An empty filter passes everything; throws INVALID_ARGUMENT
 *  for a wrong one. */
export function compileFilter(source: string): AttributeFilter {
  if (source.trim() === '') return () => true;
  if (Buffer.byteLength(source) > maxFilterBytes) {
    throw invalidArgument(`The filter is longer than ${maxFilterBytes} bytes.`);
  }
  return parse(source, tokenize(source));
}

function wrong(source: string, why: string): Error {
  return invalidArgument(`Invalid filter syntax: ${why} (filter=${source}).`);
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(tokenPattern);
  while (pattern.lastIndex < source.length) {
    const at = pattern.lastIndex;
    const { word, string, symbol } = pattern.exec(source)?.groups ?? {};
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (string !== undefined) tokens.push({ kind: 'string', text: unescapeLiteral(source, string) });
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', text: symbol });
    else throw wrong(source, `unexpected "${source.slice(at).trim()[0]}" at position ${at}`);
  }
  return tokens;
}

/** String literals escape quotes, backslashes and unprintable characters the way JSON does. */
function unescapeLiteral(source: string, literal: string): string {
  try {
    return String(JSON.parse(literal));
  } catch (cause) {
    throw wrong(source, `string ${literal}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function parse(source: string, tokens: readonly Token[]): AttributeFilter {
  let at = 0;
  const isNext = (text: string, ahead = 0) => {
    const token = tokens[at + ahead];
    return token !== undefined && token.kind !== 'string' && token.text === text;
  };
  const skip = (text: string): boolean => {
    if (!isNext(text)) return false;
    at += 1;
    return true;
  };
  const expect = (text: string) => {
    const shown = /\w/.test(text) ? `"${text}"` : text;
    if (!skip(text)) throw wrong(source, `expected ${shown} instead of ${describe(tokens[at])}`);
  };
  const take = (...kinds: readonly Token['kind'][]): string => {
    const token = tokens[at];
    if (!token || !kinds.includes(token.kind)) {
      throw wrong(source, `expected ${kinds.join(' or ')} instead of ${describe(token)}`);
    }
    at += 1;
    return token.text;
  };

  function expression(): AttributeFilter {
    const parts = [term()];
    const joint = isNext('OR') ? 'OR' : 'AND';
    while (skip(joint)) parts.push(term());
    if (isNext('AND') || isNext('OR')) throw wrong(source, 'AND and OR need parentheses to be mixed');
    if (joint === 'OR') return (attributes) => parts.some((part) => part(attributes));
    return (attributes) => parts.every((part) => part(attributes));
  }

  function term(): AttributeFilter {
    if (skip('NOT') || skip('-')) {
      const negated = term();
      return (attributes) => !negated(attributes);
    }
    if (skip('(')) {
      const inner = expression();
      expect(')');
      return inner;
    }
    return skip('hasPrefix') ? prefix() : comparison();
  }

  function prefix(): AttributeFilter {
    expect('(');
    const name = attribute();
    expect(',');
    const start = take('string');
    expect(')');
    return (attributes) => attributeOf(attributes, name)?.startsWith(start) ?? false;
  }

  function attribute(): string {
    expect('attributes');
    expect('.');
    return take('word', 'string');
  }

  function comparison(): AttributeFilter {
    if (isNext('attributes') && isNext(':', 1)) {
      at += 2;
      const name = take('word', 'string');
      return (attributes) => attributeOf(attributes, name) !== undefined;
    }
    const name = attribute();
    const isEqual = skip('=');
    if (!isEqual) expect('!=');
    const value = take('string');
    // A message without the attribute differs from every value.
    return (attributes) => (attributeOf(attributes, name) === value) === isEqual;
  }

  const filter = expression();
  if (at < tokens.length) throw wrong(source, `unexpected ${describe(tokens[at])} after the expression`);
  return filter;
}

/** An own attribute only: `constructor` and its like are on every object. */
function attributeOf(attributes: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}

function describe(token: Token | undefined): string {
  return token ? `"${token.text}"` : 'the end';
}
