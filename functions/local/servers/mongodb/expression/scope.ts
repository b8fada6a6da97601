import type { Timestamp } from 'bson';

/** What the expressions of one document are evaluated with. */
export interface Scope {
  /** Variables by name, without the `$$`: ROOT, CURRENT, NOW, CLUSTER_TIME and what `$let`, `$map` … bind. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** A number in [0, 1) for `$rand`. */
  readonly random: () => number;
}

/** What the expressions of one command have in common. */
export interface Evaluation {
  /** The scope for one document. */
  on(document: unknown): Scope;
  /** The same with more variables bound, for `let` of a command or a `$lookup`. */
  with(variables: Readonly<Record<string, unknown>>): Evaluation;
}

export interface EvaluationOptions {
  /** The value of `$$NOW`, in ms since the epoch. */
  readonly now: number;
  readonly clusterTime?: Timestamp;
  readonly random: () => number;
  readonly variables?: Readonly<Record<string, unknown>>;
}

export function createEvaluation(options: EvaluationOptions): Evaluation {
  const base = { NOW: new Date(options.now), CLUSTER_TIME: options.clusterTime, ...options.variables };
  return {
    on: (document) => ({
      random: options.random,
      variables: bind(base, { ROOT: document, CURRENT: document }),
    }),
    with: (variables) => createEvaluation({ ...options, variables: { ...options.variables, ...variables } }),
  };
}

/** A scope in which some variables are bound anew; the outer ones stay visible. */
export function withVariables(scope: Scope, variables: Readonly<Record<string, unknown>>): Scope {
  return { random: scope.random, variables: bind(scope.variables, variables) };
}

/** The outer variables are the prototype of the inner ones: nothing is copied for each document. */
function bind(outer: Readonly<Record<string, unknown>>, inner: Readonly<Record<string, unknown>>) {
  const bound: Record<string, unknown> = Object.create(outer);
  return Object.assign(bound, inner);
}
