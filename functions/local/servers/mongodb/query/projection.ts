import { ownField, setField } from '../bson/paths.ts';
import { type Document, fieldsOf, isDocument, isNumeric, isTruthy, toNumber } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import { compileExpression } from '../expression/compile.ts';
import type { Expression } from '../expression/expression.ts';
import type { Evaluation, Scope } from '../expression/scope.ts';
import { compileFilter, type MatchTrace } from './matcher.ts';

/** Makes the projected document; `trace` says which array element the query matched, for `'items.$': 1`. */
export type Projector = (document: Document, trace?: MatchTrace) => Document;

type Leaf =
  | { readonly kind: 'include' }
  | { readonly kind: 'exclude' }
  | { readonly kind: 'compute'; readonly value: Expression }
  | {
      readonly kind: 'array';
      /** Whether the other fields go, as with `$elemMatch` and `.$`; `$slice` alone lets them stay. */
      readonly including: boolean;
      readonly value: (items: unknown, trace: MatchTrace) => unknown;
    };

interface Branch {
  readonly kind: 'branch';
  readonly children: Map<string, Node>;
}

type Node = Leaf | Branch;

/**
 * Compiles the projection of a `find`, a `findAndModify` or a `$project`. Throws 31253/31254 where inclusion and
 * exclusion are mixed.
 */
export function compileProjection(spec: Document, evaluation: Evaluation): Projector {
  const root = parseTree(spec, (path, value) => projectionLeaf(path, value, evaluation));
  const excluding = isExclusion(root);
  checkNotMixed(root, excluding, '');
  if (!excluding && !root.children.has('_id')) root.children.set('_id', { kind: 'include' });
  return (document, trace = {}) => {
    const scope = evaluation.on(document);
    const kept = excluding ? exclude(document, root, trace) : include(document, root, trace);
    return asDocument(computeFields(kept, root, scope));
  };
}

/** Compiles `$addFields`: everything stays, and the named fields are computed anew. */
export function compileAddFields(spec: Document, evaluation: Evaluation): Projector {
  const root = parseTree(spec, (_path, value) => ({ kind: 'compute', value: compileExpression(value) }));
  return (document) => asDocument(computeFields(document, root, evaluation.on(document)));
}

/** Compiles `$unset`: the named fields go. */
export function compileUnset(paths: readonly string[]): Projector {
  const root = parseTree(Object.fromEntries(paths.map((path) => [path, 0])), () => ({ kind: 'exclude' }));
  return (document, trace = {}) => asDocument(exclude(document, root, trace));
}

const asDocument = (value: unknown): Document => (isDocument(value) ? value : {});

function parseTree(spec: Document, leafOf: (path: string, value: unknown) => Node): Branch {
  const root: Branch = { kind: 'branch', children: new Map() };
  for (const [path, value] of Object.entries(spec)) {
    const positional = path.endsWith('.$');
    place(
      root,
      (positional ? path.slice(0, -2) : path).split('.'),
      path,
      positional ? positionalLeaf() : leafOf(path, value),
    );
  }
  return root;
}

function place(root: Branch, parts: readonly string[], path: string, leaf: Node): void {
  let branch = root;
  parts.forEach((part, index) => {
    if (part === '') throw new CommandError(40353, `FieldPath field names may not be empty strings: '${path}'`);
    const existing = branch.children.get(part);
    if (index === parts.length - 1) {
      if (existing && !(existing.kind === 'branch' && leaf.kind === 'branch')) throw collision(path);
      if (existing?.kind === 'branch' && leaf.kind === 'branch') {
        for (const [name, child] of leaf.children) place(existing, [name], `${path}.${name}`, child);
      } else {
        branch.children.set(part, leaf);
      }
      return;
    }
    const next: Node = existing ?? { kind: 'branch', children: new Map() };
    if (next.kind !== 'branch') throw collision(path);
    branch.children.set(part, next);
    branch = next;
  });
}

const collision = (path: string) => new CommandError(31250, `Path collision at ${path}`);

function projectionLeaf(path: string, value: unknown, evaluation: Evaluation): Node {
  if (typeof value === 'boolean' || isNumeric(value)) return { kind: isTruthy(value) ? 'include' : 'exclude' };
  if (!isDocument(value)) return { kind: 'compute', value: compileExpression(value) };
  const operator = Object.keys(value)[0];
  if (operator === '$slice' && isPlainSlice(value.$slice)) return sliceLeaf(value.$slice);
  if (operator === '$elemMatch') return elementLeaf(value.$elemMatch, evaluation);
  if (operator?.startsWith('$')) return { kind: 'compute', value: compileExpression(value) };
  if (operator === undefined)
    throw new CommandError(51270, `An empty sub-projection is not a valid value. Found empty object at path '${path}'`);
  return parseTree(value, (inner, content) => projectionLeaf(`${path}.${inner}`, content, evaluation));
}

const isPlainSlice = (operand: unknown): operand is unknown =>
  isNumeric(operand) || (Array.isArray(operand) && operand.length === 2 && operand.every(isNumeric));

/** `{ $slice: n }` or `{ $slice: [skip, limit] }` of a find. */
function sliceLeaf(operand: unknown): Leaf {
  const numbers = (Array.isArray(operand) ? operand : [operand]).map((n) => (isNumeric(n) ? toNumber(n) : 0));
  const [first = 0, second] = numbers;
  return {
    kind: 'array',
    including: false,
    value: (items) => {
      if (!Array.isArray(items)) return items;
      if (second === undefined) return first >= 0 ? items.slice(0, first) : items.slice(first);
      const start = first >= 0 ? first : Math.max(0, items.length + first);
      return items.slice(start, start + second);
    },
  };
}

function elementLeaf(operand: unknown, evaluation: Evaluation): Leaf {
  const matcher = compileFilter({ element: { $elemMatch: operand } }, evaluation);
  return {
    kind: 'array',
    including: true,
    value: (items) => {
      if (!Array.isArray(items)) return undefined;
      const found = items.find((item) => matcher({ element: [item] }));
      return found === undefined ? undefined : [found];
    },
  };
}

function positionalLeaf(): Leaf {
  return {
    kind: 'array',
    including: true,
    value: (items, trace) => {
      if (!Array.isArray(items)) return items;
      if (trace.arrayIndex === undefined) {
        throw new CommandError(
          51246,
          'Executor error during find command: the positional operator did not find the match needed from the query',
        );
      }
      return items.slice(trace.arrayIndex, trace.arrayIndex + 1);
    },
  };
}

/**
 * Whether a projection names what goes rather than what stays: the first field other than `_id` decides, and `_id: 0`
 * alone excludes.
 */
function isExclusion(root: Branch): boolean {
  const excludes = (branch: Branch, top: boolean): boolean | undefined => {
    let keepsOthers: boolean | undefined;
    for (const [name, node] of branch.children) {
      if (top && name === '_id') continue;
      const found =
        node.kind === 'branch'
          ? excludes(node, false)
          : node.kind === 'array'
            ? !node.including
            : node.kind === 'exclude';
      // `$slice` goes with either kind: anything else has the last word.
      if (node.kind === 'array' && !node.including) keepsOthers = true;
      else if (found !== undefined) return found;
    }
    return keepsOthers;
  };
  return excludes(root, true) ?? root.children.get('_id')?.kind === 'exclude';
}

function checkNotMixed(branch: Branch, excluding: boolean, prefix: string): void {
  for (const [name, node] of branch.children) {
    const path = `${prefix}${name}`;
    if (node.kind === 'branch') checkNotMixed(node, excluding, `${path}.`);
    if (path === '_id') continue;
    if (node.kind === 'include' && excluding)
      throw new CommandError(31253, `Cannot do inclusion on field ${path} in exclusion projection`);
    if (node.kind === 'exclude' && !excluding)
      throw new CommandError(31254, `Cannot do exclusion on field ${path} in inclusion projection`);
  }
}

function include(value: unknown, branch: Branch, trace: MatchTrace): unknown {
  if (Array.isArray(value)) {
    return value.flatMap((item) => (isDocument(item) || Array.isArray(item) ? [include(item, branch, trace)] : []));
  }
  const fields = fieldsOf(value) ?? {};
  const result: Document = {};
  for (const name of Object.keys(fields)) {
    const node = branch.children.get(name);
    const content = fields[name];
    if (!node || node.kind === 'exclude' || node.kind === 'compute') continue;
    if (node.kind === 'include') setField(result, name, content);
    else if (node.kind === 'array') setIfPresent(result, name, node.value(content, trace));
    else if (isDocument(content) || Array.isArray(content)) setField(result, name, include(content, node, trace));
  }
  return result;
}

function exclude(value: unknown, branch: Branch, trace: MatchTrace): unknown {
  if (Array.isArray(value)) return value.map((item) => exclude(item, branch, trace));
  const fields = fieldsOf(value);
  if (!fields) return value;
  const result: Document = {};
  for (const name of Object.keys(fields)) {
    const node = branch.children.get(name);
    const content = fields[name];
    if (node?.kind === 'exclude') continue;
    if (node?.kind === 'array') setIfPresent(result, name, node.value(content, trace));
    else setField(result, name, node?.kind === 'branch' ? exclude(content, node, trace) : content);
  }
  return result;
}

function setIfPresent(document: Document, name: string, value: unknown): void {
  if (value !== undefined) setField(document, name, value);
}

const computesSomething = (node: Node): boolean =>
  node.kind === 'compute' || (node.kind === 'branch' && [...node.children.values()].some(computesSomething));

function computeFields(value: unknown, branch: Branch, scope: Scope): unknown {
  if (![...branch.children.values()].some(computesSomething)) return value;
  if (Array.isArray(value)) return value.map((item) => computeFields(item, branch, scope));
  const result: Document = { ...fieldsOf(value) };
  for (const [name, node] of branch.children) {
    if (!computesSomething(node)) continue;
    const computed =
      node.kind === 'branch'
        ? computeFields(ownField(result, name), node, scope)
        : node.kind === 'compute'
          ? node.value(scope)
          : undefined;
    if (computed === undefined) delete result[name];
    else setField(result, name, computed);
  }
  return result;
}
