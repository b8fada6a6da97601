import { callMethod, RulesEvaluationError } from './methods.ts';
import { type Expression, type FunctionDeclaration, type Position, UnsupportedRulesError } from './syntax.ts';
import {
  areEqual,
  type DocumentData,
  hasItem,
  isList,
  isMap,
  isTagged,
  type MapValue,
  mapOf,
  PartialMap,
  type PathValue,
  typeName,
  type Value,
} from './values.ts';

/** What a condition sees besides its own text. */
export interface Scope {
  /** Wildcards, parameters, `let` bindings, `request` and `resource`. */
  readonly values: ReadonlyMap<string, Value>;
  readonly functions: ReadonlyMap<string, { readonly declaration: FunctionDeclaration; readonly scope: () => Scope }>;
  readonly documents: Documents;
  readonly depth: number;
}

/** The documents that conditions may look at; every look is counted by the one who implements this. */
export interface Documents {
  /** `undefined` when there is no such document; `after` asks for its state if the whole request succeeds. */
  read(path: string, when: 'before' | 'after'): DocumentData | undefined;
}

/** The rules' meaning hangs on how errors and short circuits mix, which the interpreter does not want to guess. */
class AmbiguousConditionError extends UnsupportedRulesError {}

/** How deep functions may call each other
 *  (https://firebase.google.com/docs/firestore/security/rules-structure#security_rule_limits). */
const maxCallDepth = 20;

/** The value of an expression.
 *  @throws RulesEvaluationError when it has none, UnsupportedRulesError when the interpreter cannot tell. */
export function evaluate(expression: Expression, scope: Scope): Value {
  const { at } = expression;
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'list':
      return expression.items.map((item) => evaluate(item, scope));
    case 'path':
      return pathOf(expression.segments, scope, at);
    case 'name': {
      const value = scope.values.get(expression.name);
      if (value === undefined) throw new UnsupportedRulesError(`the name "${expression.name}"`, at);
      return value;
    }
    case 'member':
      if (isNotModelled(expression)) throw new UnsupportedRulesError(`"${expression.name}"`, at);
      return memberOf(evaluate(expression.object, scope), expression.name, at);
    case 'index':
      return elementOf(evaluate(expression.object, scope), evaluate(expression.index, scope), at);
    case 'method': {
      const object = whole(evaluate(expression.object, scope), at);
      return callMethod(
        object,
        expression.name,
        expression.args.map((arg) => evaluate(arg, scope)),
        at,
      );
    }
    case 'call':
      return call(
        expression.name,
        expression.args.map((arg) => evaluate(arg, scope)),
        scope,
        at,
      );
    case 'unary': {
      const operand = evaluate(expression.operand, scope);
      if (expression.operator === '!') return !asBoolean(operand, at);
      return -asNumber(operand, at);
    }
    case 'is':
      return hasType(evaluate(expression.operand, scope), expression.type, at);
    case 'binary':
      if (expression.operator === '&&' || expression.operator === '||') return logical(expression, scope);
      return binary(
        expression.operator,
        whole(evaluate(expression.left, scope), at),
        whole(evaluate(expression.right, scope), at),
        at,
      );
  }
}

/** Parts of a request that exist but are not filled in here; taken for missing, they would turn into refusals. */
function isNotModelled({ object, name }: Expression & { kind: 'member' }): boolean {
  if (name === '__name__') return true;
  if (object.kind === 'name' && object.name === 'request') return name === 'time' || name === 'query';
  return object.kind === 'member' && object.name === 'auth' && name === 'token';
}

function logical(expression: Expression & { kind: 'binary' }, scope: Scope): boolean {
  const decisive = expression.operator === '||';
  let left: boolean;
  try {
    left = asBoolean(evaluate(expression.left, scope), expression.at);
  } catch (error) {
    if (!(error instanceof RulesEvaluationError)) throw error;
    // Where the right side alone would decide, implementations of the language differ: our rules must not depend on it.
    if (valueUnlessError(expression.right, scope) === decisive) {
      throw new AmbiguousConditionError(`"${expression.operator}" after an error (${error.message})`, expression.at);
    }
    throw error;
  }
  return left === decisive ? decisive : asBoolean(evaluate(expression.right, scope), expression.at);
}

function valueUnlessError(expression: Expression, scope: Scope): Value | undefined {
  try {
    return evaluate(expression, scope);
  } catch (error) {
    if (error instanceof RulesEvaluationError) return undefined;
    throw error;
  }
}

/** @throws UnsupportedRulesError for what is known in part: of a query only the values that it asks for. */
function whole(value: Value, at: Position): Value {
  if (value instanceof PartialMap) throw new UnsupportedRulesError('all of "resource" in a rule for list', at);
  return value;
}

function pathOf(segments: readonly (string | Expression)[], scope: Scope, at: Position): PathValue {
  return {
    kind: 'path',
    segments: segments.flatMap((segment) => {
      if (typeof segment === 'string') return [segment];
      const value = evaluate(segment, scope);
      if (typeof value === 'string') return value.split('/');
      if (isTagged(value) && value.kind === 'path') return value.segments;
      throw new RulesEvaluationError(`a ${typeName(value)} in a path`, at);
    }),
  };
}

function memberOf(object: Value, name: string, at: Position): Value {
  if (!isMap(object)) throw new RulesEvaluationError(`"${name}" of ${typeName(object)}`, at);
  const value = object.get(name);
  if (value === undefined) throw new RulesEvaluationError(`there is no "${name}"`, at);
  return value;
}

function elementOf(object: Value, index: Value, at: Position): Value {
  if (isMap(object) && typeof index === 'string') return memberOf(object, index, at);
  const items = isTagged(object) && object.kind === 'path' ? object.segments : object;
  if (Array.isArray(items) && typeof index === 'number') {
    const item: Value | undefined = items[index];
    if (item === undefined) throw new RulesEvaluationError(`there is no element ${index}`, at);
    return item;
  }
  throw new RulesEvaluationError(`[${typeName(index)}] of ${typeName(object)}`, at);
}

function call(name: string, args: readonly Value[], scope: Scope, at: Position): Value {
  const declared = scope.functions.get(name);
  if (declared) {
    const { declaration } = declared;
    if (declaration.parameters.length !== args.length) {
      throw new UnsupportedRulesError(`${name}() with ${args.length} arguments`, at);
    }
    if (scope.depth >= maxCallDepth) throw new RulesEvaluationError(`more than ${maxCallDepth} nested calls`, at);
    const outer = declared.scope();
    const values = new Map(outer.values);
    declaration.parameters.forEach((parameter, index) => void values.set(parameter, args[index] ?? null));
    const inner: Scope = { ...outer, values, depth: scope.depth + 1 };
    for (const binding of declaration.bindings) values.set(binding.name, evaluate(binding.value, inner));
    return evaluate(declaration.result, inner);
  }
  const [path] = args;
  if (path === undefined || !isTagged(path) || path.kind !== 'path' || args.length !== 1) {
    throw new UnsupportedRulesError(`the function ${name}() with these arguments`, at);
  }
  const document = `/${path.segments.join('/')}`;
  switch (name) {
    case 'exists':
      return scope.documents.read(document, 'before') !== undefined;
    case 'existsAfter':
      return scope.documents.read(document, 'after') !== undefined;
    case 'get':
      return resourceOf(document, scope.documents.read(document, 'before'));
    case 'getAfter':
      return resourceOf(document, scope.documents.read(document, 'after'));
    default:
      throw new UnsupportedRulesError(`the function ${name}()`, at);
  }
}

/** A document as the rules see it; null when there is none. */
export function resourceOf(path: string, data: DocumentData | undefined): MapValue | null {
  if (!data) return null;
  const id = path.split('/').at(-1) ?? '';
  return new Map<string, Value>([
    ['data', mapOf(data)],
    ['id', id],
  ]);
}

function binary(operator: string, left: Value, right: Value, at: Position): Value {
  switch (operator) {
    case '==':
      return areEqual(left, right);
    case '!=':
      return !areEqual(left, right);
    case 'in':
      if (isList(right)) return hasItem(right, left);
      if (isMap(right) && typeof left === 'string') return right.has(left);
      if (isTagged(right) && right.kind === 'set') return hasItem(right.items, left);
      throw new RulesEvaluationError(`"in" of ${typeName(right)}`, at);
    case '+':
      if (typeof left === 'string' && typeof right === 'string') return left + right;
      return asNumber(left, at) + asNumber(right, at);
    case '-':
      return asNumber(left, at) - asNumber(right, at);
    case '*':
      return asNumber(left, at) * asNumber(right, at);
    case '%':
      return asNumber(left, at) % asNumber(right, at);
    default:
      return compare(operator, left, right, at);
  }
}

function compare(operator: string, left: Value, right: Value, at: Position): boolean {
  const comparable =
    (typeof left === 'number' && typeof right === 'number') || (typeof left === 'string' && typeof right === 'string');
  if (!comparable) throw new RulesEvaluationError(`"${operator}" of ${typeName(left)} and ${typeName(right)}`, at);
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  return operator === '>' ? left > right : left >= right;
}

function hasType(value: Value, type: string, at: Position): boolean {
  switch (type) {
    case 'string':
    case 'bool':
    case 'number':
    case 'list':
    case 'map':
    case 'path':
    case 'set':
      return typeName(value) === type;
    default:
      throw new UnsupportedRulesError(`the type "${type}"`, at);
  }
}

function asBoolean(value: Value, at: Position): boolean {
  if (typeof value !== 'boolean') throw new RulesEvaluationError(`a ${typeName(value)} instead of true or false`, at);
  return value;
}

function asNumber(value: Value, at: Position): number {
  if (typeof value !== 'number') throw new RulesEvaluationError(`a ${typeName(value)} instead of a number`, at);
  return value;
}
