import { invalidArgument } from './status.ts';

/** Whether a subscription with a filter receives a message with these attributes. */
export type AttributeFilter = (attributes: Readonly<Record<string, string>>) => boolean;

/** The service refuses longer filters. */
const maxFilterBytes = 256;

type Token =
  | { readonly kind: 'word' | 'string'; readonly text: string }
  | { readonly kind: '(' | ')' | ',' | '.' | ':' | '=' | '!=' | '-' };

const wordPattern = /[A-Za-z0-9_][A-Za-z0-9_-]*/y;
const stringPattern = /"((?:[^"\\]|\\.)*)"/y;
const symbolPattern = /!=|[(),.:=-]/y;
const spacePattern = /\s+/y;

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
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found) at = pattern.lastIndex;
    return found;
  };
  while (at < source.length) {
    if (match(spacePattern)) continue;
    const word = match(wordPattern);
    if (word) {
      tokens.push({ kind: 'word', text: word[0] });
      continue;
    }
    const string = match(stringPattern);
    if (string) {
      tokens.push({ kind: 'string', text: unescapeLiteral(source, string[0]) });
      continue;
    }
    const symbol = match(symbolPattern)?.[0];
    switch (symbol) {
      case '(':
      case ')':
      case ',':
      case '.':
      case ':':
      case '=':
      case '!=':
      case '-':
        tokens.push({ kind: symbol });
        break;
      default:
        throw wrong(source, `unexpected "${source[at]}" at position ${at}`);
    }
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
  const peek = () => tokens[at];
  const isWord = (text: string) => {
    const token = peek();
    return token?.kind === 'word' && token.text === text;
  };
  const expect = (kind: Token['kind']): string => {
    const token = tokens[at];
    if (token?.kind !== kind) throw wrong(source, `expected ${kind} instead of ${describe(token)}`);
    at += 1;
    return 'text' in token ? token.text : token.kind;
  };
  const key = (): string => (peek()?.kind === 'string' ? expect('string') : expect('word'));

  function expression(): AttributeFilter {
    const parts = [term()];
    const joint = isWord('AND') ? 'AND' : isWord('OR') ? 'OR' : undefined;
    while (isWord('AND') || isWord('OR')) {
      if (expect('word') !== joint) throw wrong(source, 'AND and OR need parentheses to be mixed');
      parts.push(term());
    }
    if (joint === 'OR') return (attributes) => parts.some((part) => part(attributes));
    return (attributes) => parts.every((part) => part(attributes));
  }

  function term(): AttributeFilter {
    if (isWord('NOT') || peek()?.kind === '-') {
      at += 1;
      const negated = term();
      return (attributes) => !negated(attributes);
    }
    if (peek()?.kind === '(') {
      at += 1;
      const inner = expression();
      expect(')');
      return inner;
    }
    return isWord('hasPrefix') ? prefix() : comparison();
  }

  function prefix(): AttributeFilter {
    expect('word');
    expect('(');
    const name = attribute();
    expect(',');
    const start = expect('string');
    expect(')');
    return (attributes) => attributeOf(attributes, name)?.startsWith(start) ?? false;
  }

  function attribute(): string {
    if (!isWord('attributes')) throw wrong(source, `expected "attributes" instead of ${describe(peek())}`);
    at += 1;
    expect('.');
    return key();
  }

  function comparison(): AttributeFilter {
    if (isWord('attributes') && tokens[at + 1]?.kind === ':') {
      at += 2;
      const name = key();
      return (attributes) => attributeOf(attributes, name) !== undefined;
    }
    const name = attribute();
    if (peek()?.kind === '=') {
      at += 1;
      const value = expect('string');
      return (attributes) => attributeOf(attributes, name) === value;
    }
    expect('!=');
    const value = expect('string');
    // A message without the attribute differs from every value.
    return (attributes) => attributeOf(attributes, name) !== value;
  }

  const filter = expression();
  if (at < tokens.length) throw wrong(source, `unexpected ${describe(peek())} after the expression`);
  return filter;
}

/** An own attribute only: `constructor` and its like are on every object. */
function attributeOf(attributes: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}

function describe(token: Token | undefined): string {
  if (!token) return 'the end';
  return 'text' in token ? `"${token.text}"` : `"${token.kind}"`;
}
