import { type Documents, evaluate, resourceOf, type Scope } from './evaluate.ts';
import { RulesEvaluationError } from './methods.ts';
import {
  type FunctionDeclaration,
  type MatchBlock,
  type Method,
  type PatternSegment,
  type Position,
  type Ruleset,
  UnsupportedRulesError,
} from './syntax.ts';
import { type DocumentData, type MapValue, PartialMap, partialMapOf, type Value, valueFrom } from './values.ts';

/** One document that a client wants to read or to write. */
export interface RulesRequest {
  readonly method: Method;
  /** Whole path: `/databases/(default)/documents/storyboards/s1`. */
  readonly path: string;
  /** Undefined: not signed in. */
  readonly uid: string | undefined;
  /** The state of the documents before the request, and after it if all of it succeeds. */
  readonly documents: Documents;
  /** Of a query: fields that it asks to be equal to a value, as a document would hold them. */
  readonly equal?: DocumentData | undefined;
}

export interface Decision {
  readonly allowed: boolean;
  /** Where the rules stand that allow it. */
  readonly by: readonly Position[];
  /** Conditions that could not be computed: their rules allow nothing. */
  readonly errors: readonly string[];
  /** Documents that conditions looked at, each once: as many reads are billed. */
  readonly looked: readonly string[];
}

/** How many documents the conditions of one request may look at
 *  (https://firebase.google.com/docs/firestore/security/rules-conditions#access_calls_limits). */
const maxDocumentsLookedAt = 10;

/** Whether the rules allow a request: some rule that matches its path and method has no condition, or one that is
 *  true. */
export function decide(ruleset: Ruleset, request: RulesRequest): Decision {
  const looked = new Set<string>();
  const documents: Documents = {
    read(path, when) {
      looked.add(path);
      if (looked.size > maxDocumentsLookedAt)
        throw new Error(`the rules look at more than ${maxDocumentsLookedAt} documents`);
      return request.documents.read(path, when);
    },
  };
  const by: Position[] = [];
  const errors: string[] = [];
  const segments = request.path.split('/').slice(1);

  const visit = (block: MatchBlock, rest: readonly string[], outer: Scope) => {
    for (const match of matchPattern(block.pattern, rest)) {
      const scope = withFunctions(
        { ...outer, values: new Map([...outer.values, ...match.wildcards]) },
        block.functions,
      );
      for (const inner of block.blocks) visit(inner, match.rest, scope);
      if (match.rest.length > 0) continue;
      for (const rule of block.rules.filter((candidate) => candidate.methods.includes(request.method))) {
        try {
          if (rule.condition === undefined || evaluate(rule.condition, scope) === true) by.push(rule.at);
        } catch (error) {
          if (!(error instanceof RulesEvaluationError)) throw error;
          errors.push(error.message);
        }
      }
    }
  };
  const top = withFunctions(
    { values: topValues(request), functions: new Map(), documents, depth: 0 },
    ruleset.functions,
  );
  for (const block of ruleset.blocks) visit(block, segments, top);
  return { allowed: by.length > 0, by, errors, looked: [...looked] };
}

/** `request` and `resource`. A query is judged without looking at documents: of `resource` only the values are known
 *  that the query asks its results to be equal to
 *  (https://firebase.google.com/docs/firestore/security/rules-query#queries_and_security_rules). Whatever else its
 *  conditions imply is beyond this interpreter. */
function topValues(request: RulesRequest): ReadonlyMap<string, Value> {
  const before = request.documents.read(request.path, 'before');
  const after = request.documents.read(request.path, 'after');
  const writes = request.method === 'create' || request.method === 'update';
  const fields = new Map<string, Value>([
    ['auth', request.uid === undefined ? null : valueFrom({ uid: request.uid })],
    ['method', request.method],
    ['path', { kind: 'path', segments: request.path.split('/').slice(1) }],
  ]);
  if (writes) fields.set('resource', resourceOf(request.path, after));
  const values = new Map<string, Value>([['request', fields]]);
  if (request.method !== 'list') values.set('resource', resourceOf(request.path, before));
  else if (request.equal !== undefined) {
    values.set('resource', new PartialMap([['data', partialMapOf(request.equal)]]));
  }
  return values;
}

/** A scope that also knows the functions of a block; they see what their block sees, and each other. */
function withFunctions(scope: Scope, declarations: readonly FunctionDeclaration[]): Scope {
  const functions = new Map(scope.functions);
  const inner: Scope = { ...scope, functions };
  for (const declaration of declarations) {
    if (functions.get(declaration.name)?.declaration === declaration) continue;
    if (scope.functions.has(declaration.name)) {
      throw new UnsupportedRulesError(`a second function ${declaration.name}()`, declaration.at);
    }
    functions.set(declaration.name, { declaration, scope: () => inner });
  }
  return inner;
}

interface PatternMatch {
  readonly wildcards: MapValue;
  readonly rest: readonly string[];
}

/** Every way in which a pattern matches the beginning of a path. */
function matchPattern(pattern: readonly PatternSegment[], path: readonly string[]): PatternMatch[] {
  const [segment, ...further] = pattern;
  if (!segment) return [{ wildcards: new Map(), rest: path }];
  const [first, ...others] = path;
  if (segment.kind === 'many') {
    return path.concat('').flatMap((_, taken) => {
      const value: Value = { kind: 'path', segments: path.slice(0, taken) };
      return matchPattern(further, path.slice(taken)).map((match) => bind(segment.name, value, match));
    });
  }
  if (first === undefined) return [];
  if (segment.kind === 'one') return matchPattern(further, others).map((match) => bind(segment.name, first, match));
  return segment.text === first ? matchPattern(further, others) : [];
}

function bind(name: string, value: Value, match: PatternMatch): PatternMatch {
  return { ...match, wildcards: new Map([[name, value], ...match.wildcards]) };
}
