/** Where something stands in the rules text, for messages. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export type BinaryOperator = '&&' | '||' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '%' | 'in';

/** An expression of the rules language, as far as the interpreter knows it. */
export type Expression = { readonly at: Position } & (
  | { readonly kind: 'literal'; readonly value: null | boolean | number | string }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'path'; readonly segments: readonly (string | Expression)[] }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'member'; readonly object: Expression; readonly name: string }
  | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | {
      readonly kind: 'method';
      readonly object: Expression;
      readonly name: string;
      readonly args: readonly Expression[];
    }
  | { readonly kind: 'unary'; readonly operator: '!' | '-'; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'is'; readonly operand: Expression; readonly type: string }
);

/** What a client does to a document; `read` and `write` in the rules stand for several of them. */
export const methods = ['get', 'list', 'create', 'update', 'delete'] as const;
export type Method = (typeof methods)[number];

export interface AllowRule {
  readonly at: Position;
  readonly methods: readonly Method[];
  /** Undefined: without a condition. */
  readonly condition: Expression | undefined;
}

export interface FunctionDeclaration {
  readonly at: Position;
  readonly name: string;
  readonly parameters: readonly string[];
  readonly bindings: readonly { readonly name: string; readonly value: Expression }[];
  readonly result: Expression;
}

/** A segment of a match path: a text, one segment of any text, or any number of segments (none included, as of version
 *  2). */
export type PatternSegment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'one'; readonly name: string }
  | { readonly kind: 'many'; readonly name: string };

export interface MatchBlock {
  readonly at: Position;
  readonly pattern: readonly PatternSegment[];
  readonly functions: readonly FunctionDeclaration[];
  readonly rules: readonly AllowRule[];
  readonly blocks: readonly MatchBlock[];
}

export interface Ruleset {
  readonly functions: readonly FunctionDeclaration[];
  readonly blocks: readonly MatchBlock[];
}

/** The interpreter does not know this piece of the language, so it cannot tell what the rules mean. Never taken for a
 *  refusal. */
export class UnsupportedRulesError extends Error {
  constructor(what: string, at: Position) {
    super(`${what} (line ${at.line}, column ${at.column}): the rules interpreter of the tests does not know this`);
    this.name = 'UnsupportedRulesError';
  }
}
