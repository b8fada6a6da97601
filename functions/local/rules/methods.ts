import { type Position, UnsupportedRulesError } from './syntax.ts';
import {
  areEqual,
  hasAll,
  hasAny,
  hasItem,
  isList,
  isMap,
  isTagged,
  type MapDiffValue,
  type MapValue,
  type Value,
} from './values.ts';

/** A condition cannot be computed: a missing field, a value of the wrong type. The rule it belongs to then allows
 *  nothing. */
export class RulesEvaluationError extends Error {
  constructor(problem: string, at: Position) {
    super(`${problem} (line ${at.line}, column ${at.column})`);
    this.name = 'RulesEvaluationError';
  }
}

/** Calls a method of a value, as https://firebase.google.com/docs/reference/rules describes it.
 *  @throws RulesEvaluationError for arguments of a wrong type, UnsupportedRulesError for a method that is not known
 *  here. */
export function callMethod(object: Value, name: string, args: readonly Value[], at: Position): Value {
  const unsupported = () => new UnsupportedRulesError(`the method ${name} with ${args.length} arguments`, at);
  const [first] = args;
  if (object === null) throw new RulesEvaluationError(`${name}() of null`, at);
  if (typeof object === 'string') {
    if (name === 'size' && args.length === 0) return [...object].length;
    // RE2 and JavaScript agree on what the rules use: character classes, counts and `.*`. The whole text has to match.
    if (name === 'matches' && typeof first === 'string') return new RegExp(`^(?:${first})$`, 'su').test(object);
    throw unsupported();
  }
  if (isList(object)) {
    if (name === 'size' && args.length === 0) return object.length;
    return known(setMethod(object, name, args, at), unsupported);
  }
  if (isMap(object)) return known(mapMethod(object, name, args, at), unsupported);
  if (isTagged(object) && object.kind === 'set') {
    if (name === 'size' && args.length === 0) return object.items.length;
    return known(setMethod(object.items, name, args, at), unsupported);
  }
  if (isTagged(object) && object.kind === 'diff' && args.length === 0) return diffMethod(object, name, at);
  throw unsupported();
}

/** What a method returned; `undefined` says that there is no such method (null is a value). */
function known(value: Value | undefined, unsupported: () => Error): Value {
  if (value === undefined) throw unsupported();
  return value;
}

function setMethod(items: readonly Value[], name: string, args: readonly Value[], at: Position): Value | undefined {
  if (name !== 'hasAll' && name !== 'hasAny' && name !== 'hasOnly') return undefined;
  const [given] = args;
  if (given === undefined || !isList(given)) throw new RulesEvaluationError(`${name}() expects a list`, at);
  if (name === 'hasAll') return hasAll(items, given);
  return name === 'hasAny' ? hasAny(items, given) : hasAll(given, items);
}

function mapMethod(map: MapValue, name: string, args: readonly Value[], at: Position): Value | undefined {
  const [first, fallback] = args;
  if (name === 'get' && first !== undefined && fallback !== undefined) return lookUp(map, first, fallback, at);
  if (name === 'size' && args.length === 0) return map.size;
  if (name === 'keys' && args.length === 0) return { kind: 'set', items: [...map.keys()] };
  if (name === 'values' && args.length === 0) return [...map.values()];
  if (name === 'diff' && first !== undefined) {
    if (!isMap(first)) throw new RulesEvaluationError('diff() expects a map', at);
    return { kind: 'diff', before: first, after: map };
  }
  return undefined;
}

/** `map.get(key, default)`, where the key may be a list of keys that leads into nested maps. */
function lookUp(map: MapValue, key: Value, fallback: Value, at: Position): Value {
  const path = isList(key) ? key : [key];
  let value: Value = map;
  for (const step of path) {
    if (typeof step !== 'string') throw new RulesEvaluationError('get() expects a text or a list of texts', at);
    if (!isMap(value)) throw new RulesEvaluationError(`get() of "${step}" in what is not a map`, at);
    const next: Value | undefined = value.get(step);
    if (next === undefined) return fallback;
    value = next;
  }
  return value;
}

function diffMethod(diff: MapDiffValue, name: string, at: Position): Value {
  const keys = [...new Set([...diff.before.keys(), ...diff.after.keys()])];
  const [before, after] = [[...diff.before.keys()], [...diff.after.keys()]];
  const inBoth = keys.filter((key) => diff.before.has(key) && diff.after.has(key));
  const unchanged = inBoth.filter((key) => areEqual(diff.before.get(key) ?? null, diff.after.get(key) ?? null));
  const answers: Readonly<Record<string, readonly string[]>> = {
    addedKeys: after.filter((key) => !hasItem(before, key)),
    removedKeys: before.filter((key) => !hasItem(after, key)),
    changedKeys: inBoth.filter((key) => !unchanged.includes(key)),
    unchangedKeys: unchanged,
    affectedKeys: keys.filter((key) => !unchanged.includes(key)),
  };
  const items = answers[name];
  if (!items) throw new UnsupportedRulesError(`the method ${name} of a difference`, at);
  return { kind: 'set', items };
}
