import { orderKey } from '../bson/orderKey.ts';
import { isIndex, ownField } from '../bson/paths.ts';
import { type Document, fieldsOf, isDocument, isNumeric, isTruthy, toNumber } from '../bson/values.ts';
import { badValue, notImplemented } from '../errors.ts';
import { compileExpression } from '../expression/compile.ts';
import type { Evaluation } from '../expression/scope.ts';
import { asRegExp } from './regex.ts';
import {
  comparison,
  equalTo,
  isOperatorDocument,
  matchesPattern,
  modulo,
  ofType,
  oneOf,
  regexOperand,
} from './valueTests.ts';

/** What a match found out on its way: the element of an array that the positional operator `$` stands for. */
export interface MatchTrace {
  arrayIndex?: number;
}

/** Tells whether a document meets a filter. */
export type Matcher = (document: Document, trace?: MatchTrace) => boolean;

/** Tells whether one value (`undefined`: a missing field) meets a condition, and may note which element did. */
type ValueTest = (value: unknown, trace: MatchTrace) => boolean;

/** Which of a field's values a test is put to. */
type Reach =
  /** The value, and when it is an array each element too: `$eq`, `$gt`, `$regex` … */
  | 'elements'
  /** The value itself only: `$size`, `$elemMatch`, `$exists` … */
  | 'whole';

/** Compiles a filter; `evaluation` is for `$expr`. Throws 2 (BadValue) for an operator it does not know. */
export function compileFilter(filter: Document, evaluation: Evaluation): Matcher {
  const tests = Object.keys(filter).map((key) => compileClause(key, filter[key], evaluation));
  return (document, trace = {}) => tests.every((test) => test(document, trace));
}

type DocumentTest = (document: unknown, trace: MatchTrace) => boolean;

function compileClause(key: string, condition: unknown, evaluation: Evaluation): DocumentTest {
  if (!key.startsWith('$')) return compileField(key.split('.'), condition, evaluation);
  switch (key) {
    case '$and': {
      const all = compileList(key, condition, evaluation);
      return (document, trace) => all.every((test) => test(document, trace));
    }
    case '$or': {
      const any = compileList(key, condition, evaluation);
      return (document, trace) => any.some((test) => test(document, trace));
    }
    case '$nor': {
      const none = compileList(key, condition, evaluation);
      return (document) => !none.some((test) => test(document, {}));
    }
    case '$expr': {
      const expression = compileExpression(condition);
      return (document) => isTruthy(expression(evaluation.on(document)));
    }
    case '$comment':
    case '$alwaysTrue':
      return () => true;
    case '$alwaysFalse':
      return () => false;
    case '$where':
    case '$text':
    case '$jsonSchema':
      throw notImplemented(key);
    default:
      throw badValue(`unknown top level operator: ${key}`);
  }
}

function compileList(name: string, condition: unknown, evaluation: Evaluation): DocumentTest[] {
  if (!Array.isArray(condition)) throw badValue(`${name} must be an array`);
  if (condition.length === 0) throw badValue('$and/$or/$nor must be a nonempty array');
  return condition.map((item) => {
    if (!isDocument(item)) throw badValue('$or/$and/$nor entries need to be full objects');
    const matcher = compileFilter(item, evaluation);
    return (document, trace) => isDocument(document) && matcher(document, trace);
  });
}

function compileField(parts: readonly string[], condition: unknown, evaluation: Evaluation): DocumentTest {
  if (!isOperatorDocument(condition)) {
    const pattern = asRegExp(condition);
    return pattern
      ? onPath(parts, 'elements', (value) => matchesPattern(pattern, value) || orderKey(value) === orderKey(condition))
      : onPath(parts, 'elements', equalTo(condition));
  }
  const tests = Object.keys(condition).flatMap((operator) => {
    if (operator === '$options') {
      if (!('$regex' in condition)) throw badValue('$options needs a $regex');
      return [];
    }
    return [compileOperator(parts, operator, condition[operator], condition, evaluation)];
  });
  return (document, trace) => tests.every((test) => test(document, trace));
}

function compileOperator(
  parts: readonly string[],
  operator: string,
  operand: unknown,
  siblings: Document,
  evaluation: Evaluation,
): DocumentTest {
  switch (operator) {
    case '$not': {
      if (asRegExp(operand) === undefined && !isOperatorDocument(operand)) {
        throw badValue('$not needs a regex or a document');
      }
      return negate(compileField(parts, operand, evaluation));
    }
    case '$ne':
      return negate(onPath(parts, 'elements', equalTo(operand)));
    case '$nin':
      return negate(onPath(parts, 'elements', oneOf(operand, operator)));
    case '$exists': {
      const exists = onPath(parts, 'whole', (value) => value !== undefined);
      return isTruthy(operand) ? exists : negate(exists);
    }
    case '$all':
      return compileAll(parts, operand, evaluation);
    case '$size':
      return onPath(parts, 'whole', ofSize(operand));
    case '$elemMatch':
      return onPath(parts, 'whole', elementMatch(operand, evaluation));
    default: {
      const test = Object.hasOwn(elementTests, operator) ? elementTests[operator] : undefined;
      if (test) return onPath(parts, 'elements', test(operand, siblings));
      throw unsupported.has(operator) ? notImplemented(operator) : badValue(`unknown operator: ${operator}`);
    }
  }
}

const negate =
  (test: DocumentTest): DocumentTest =>
  (document) =>
    !test(document, {});

function compileAll(parts: readonly string[], operand: unknown, evaluation: Evaluation): DocumentTest {
  if (!Array.isArray(operand)) throw badValue('$all needs an array');
  if (operand.length === 0) return () => false;
  const tests = operand.map((item) =>
    isDocument(item) && '$elemMatch' in item
      ? compileField(parts, item, evaluation)
      : compileField(parts, asRegExp(item) ? item : { $eq: item }, evaluation),
  );
  return (document, trace) => tests.every((test) => test(document, trace));
}

/** Operators that are put to a value and, when it is an array, to each of its elements too. */
const elementTests: Readonly<Record<string, (operand: unknown, siblings: Document) => ValueTest>> = {
  $eq: equalTo,
  $in: (operand) => oneOf(operand, '$in'),
  $gt: (operand) => comparison('$gt', operand),
  $gte: (operand) => comparison('$gte', operand),
  $lt: (operand) => comparison('$lt', operand),
  $lte: (operand) => comparison('$lte', operand),
  $mod: modulo,
  $type: ofType,
  $regex: (operand, { $options }) => {
    const pattern = regexOperand(operand, $options);
    return (value) => matchesPattern(pattern, value);
  },
};

const unsupported: ReadonlySet<string> = new Set([
  ...['$bitsAllSet', '$bitsAllClear', '$bitsAnySet', '$bitsAnyClear'],
  ...['$geoWithin', '$geoIntersects', '$near', '$nearSphere'],
]);

function ofSize(operand: unknown): ValueTest {
  if (!isNumeric(operand)) throw badValue(`Failed to parse $size. Expected a number in: $size: ${operand}`);
  const size = toNumber(operand);
  return (value) => Array.isArray(value) && value.length === size;
}

function elementMatch(operand: unknown, evaluation: Evaluation): ValueTest {
  if (!isDocument(operand)) throw badValue('$elemMatch needs an Object');
  const first = Object.keys(operand)[0];
  const onValues = first?.startsWith('$') && !['$and', '$or', '$nor', '$expr'].includes(first);
  const test: DocumentTest = onValues
    ? compileField([], operand, evaluation)
    : ((matcher) => (element: unknown, trace: MatchTrace) => {
        const fields = Array.isArray(element) ? { ...element } : fieldsOf(element);
        return fields !== undefined && matcher(fields, trace);
      })(compileFilter(operand, evaluation));
  return (value, trace) => {
    if (!Array.isArray(value)) return false;
    const index = value.findIndex((element) => test(element, {}));
    if (index >= 0) trace.arrayIndex = index;
    return index >= 0;
  };
}

/** Puts a test to the values at a path, going through the arrays on the way as MongoDB does. */
function onPath(parts: readonly string[], reach: Reach, test: ValueTest): DocumentTest {
  const visit = (value: unknown, at: number, trace: MatchTrace): boolean => {
    const part = parts[at];
    if (part === undefined) return atEnd(value, trace);
    if (Array.isArray(value)) {
      if (isIndex(part) && Number(part) < value.length && visit(value[Number(part)], at + 1, trace)) return true;
      const index = value.findIndex((element) => isDocument(element) && visit(element, at, trace));
      if (index < 0) return false;
      trace.arrayIndex = index;
      return true;
    }
    const fields = fieldsOf(value);
    // A path that ends early is a missing field; only inside of an array do scalars not count as one.
    return visitMissingOr(fields ? ownField(fields, part) : undefined, at, trace);
  };
  const visitMissingOr = (value: unknown, at: number, trace: MatchTrace) =>
    value === undefined ? test(undefined, trace) : visit(value, at + 1, trace);
  const atEnd = (value: unknown, trace: MatchTrace): boolean => {
    if (reach === 'elements' && Array.isArray(value)) {
      const index = value.findIndex((element) => test(element, trace));
      if (index >= 0) {
        trace.arrayIndex = index;
        return true;
      }
    }
    return test(value, trace);
  };
  return (document, trace) => visit(document, 0, trace);
}
