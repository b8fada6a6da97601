import { ownField, setField } from '../bson/paths.ts';
import { type Document, fieldsOf, isDocument, isNumeric, isTruthy } from '../bson/values.ts';
import { CommandError, notImplemented } from '../errors.ts';
import { compileExpression } from '../expression/compile.ts';
import type { Expression } from '../expression/expression.ts';
import type { Evaluation, Scope } from '../expression/scope.ts';

/** Makes the projected document. */
export type Projector = (document: Document) => Document;

/** What is asked of the fields, by name: stay, go, be computed, or to be looked into. */
type Tree = Map<string, Node>;
type Node = 'include' | 'exclude' | Expression | Tree;

/** Compiles the projection of a `find` or a `$project`. Throws 31253/31254 where inclusion and exclusion are mixed. */
export function compileProjection(spec: Document, evaluation: Evaluation): Projector {
  const root = parseTree(spec, projectionNode);
  const excluding = excludes(root, true) ?? root.get('_id') === 'exclude';
  requireUnmixed(root, excluding, '');
  if (!excluding && !root.has('_id')) root.set('_id', 'include');
  return (document) => {
    const kept = excluding ? exclude(document, root) : include(document, root);
    return asDocument(computeFields(kept, root, evaluation.on(document)));
  };
}

/** Compiles `$addFields`: everything stays, and the named fields are computed anew. */
export function compileAddFields(spec: Document, evaluation: Evaluation): Projector {
  const root = parseTree(spec, (_path, value) => compileExpression(value));
  return (document) => asDocument(computeFields(document, root, evaluation.on(document)));
}

/** Compiles `$unset`: the named fields go. */
export function compileUnset(paths: readonly string[]): Projector {
  const root = parseTree(Object.fromEntries(paths.map((path) => [path, 0])), () => 'exclude');
  return (document) => asDocument(exclude(document, root));
}

const asDocument = (value: unknown): Document => (isDocument(value) ? value : {});

function parseTree(spec: Document, nodeOf: (path: string, value: unknown) => Node): Tree {
  const root: Tree = new Map();
  for (const [path, value] of Object.entries(spec)) {
    if (path.endsWith('.$')) throw notImplemented('a positional projection');
    place(root, path.split('.'), path, nodeOf(path, value));
  }
  return root;
}

function place(root: Tree, parts: readonly string[], path: string, node: Node): void {
  if (parts.includes('')) throw new CommandError(40353, `FieldPath field names may not be empty strings: '${path}'`);
  let tree = root;
  for (const part of parts.slice(0, -1)) {
    const next: Node = tree.get(part) ?? new Map();
    if (!(next instanceof Map)) throw collision(path);
    tree.set(part, next);
    tree = next;
  }
  const last = parts.at(-1) ?? '';
  const existing = tree.get(last);
  if (existing instanceof Map && node instanceof Map) {
    for (const [name, child] of node) place(existing, [name], `${path}.${name}`, child);
  } else if (existing) throw collision(path);
  else tree.set(last, node);
}

const collision = (path: string) => new CommandError(31250, `Path collision at ${path}`);

function projectionNode(path: string, value: unknown): Node {
  if (typeof value === 'boolean' || isNumeric(value)) return isTruthy(value) ? 'include' : 'exclude';
  if (!isDocument(value)) return compileExpression(value);
  const operator = Object.keys(value)[0];
  if (operator === '$elemMatch' || (operator === '$slice' && isPlainSlice(value.$slice)))
    throw notImplemented(`a projection with ${operator}`);
  if (operator?.startsWith('$')) return compileExpression(value);
  if (operator === undefined)
    throw new CommandError(51270, `An empty sub-projection is not a valid value. Found empty object at path '${path}'`);
  return parseTree(value, (inner, content) => projectionNode(`${path}.${inner}`, content));
}

/** `{ $slice: n }` or `{ $slice: [skip, limit] }` of a find, as opposed to the expression. */
const isPlainSlice = (operand: unknown) =>
  isNumeric(operand) || (Array.isArray(operand) && operand.length === 2 && operand.every(isNumeric));

/** Whether a projection names what goes rather than what stays: the first field other than `_id` decides. */
function excludes(tree: Tree, top: boolean): boolean | undefined {
  for (const [name, node] of tree) {
    if (top && name === '_id') continue;
    const found = node instanceof Map ? excludes(node, false) : node === 'exclude';
    if (found !== undefined) return found;
  }
  return undefined;
}

function requireUnmixed(tree: Tree, excluding: boolean, prefix: string): void {
  for (const [name, node] of tree) {
    const path = `${prefix}${name}`;
    if (node instanceof Map) requireUnmixed(node, excluding, `${path}.`);
    if (path === '_id') continue;
    if (node === 'include' && excluding)
      throw new CommandError(31253, `Cannot do inclusion on field ${path} in exclusion projection`);
    if (node === 'exclude' && !excluding)
      throw new CommandError(31254, `Cannot do exclusion on field ${path} in inclusion projection`);
  }
}

function include(value: unknown, tree: Tree): unknown {
  if (Array.isArray(value)) {
    return value.flatMap((item) => (isDocument(item) || Array.isArray(item) ? [include(item, tree)] : []));
  }
  const result: Document = {};
  for (const [name, content] of Object.entries(fieldsOf(value) ?? {})) {
    const node = tree.get(name);
    if (node === 'include') setField(result, name, content);
    else if (node instanceof Map && (isDocument(content) || Array.isArray(content)))
      setField(result, name, include(content, node));
  }
  return result;
}

function exclude(value: unknown, tree: Tree): unknown {
  if (Array.isArray(value)) return value.map((item) => exclude(item, tree));
  const fields = fieldsOf(value);
  if (!fields) return value;
  const result: Document = {};
  for (const [name, content] of Object.entries(fields)) {
    const node = tree.get(name);
    if (node !== 'exclude') setField(result, name, node instanceof Map ? exclude(content, node) : content);
  }
  return result;
}

const computes = (node: Node): boolean =>
  typeof node === 'function' || (node instanceof Map && [...node.values()].some(computes));

function computeFields(value: unknown, tree: Tree, scope: Scope): unknown {
  if (!computes(tree)) return value;
  if (Array.isArray(value)) return value.map((item) => computeFields(item, tree, scope));
  const result: Document = { ...fieldsOf(value) };
  for (const [name, node] of tree) {
    if (typeof node === 'string' || !computes(node)) continue;
    const computed = node instanceof Map ? computeFields(ownField(result, name), node, scope) : node(scope);
    if (computed === undefined) delete result[name];
    else setField(result, name, computed);
  }
  return result;
}
