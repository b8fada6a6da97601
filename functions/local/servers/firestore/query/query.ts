import type { FieldPath } from '../values/fieldPath.ts';
import type { Value } from '../values/value.ts';

/** A condition on one field, or on the name where the path is `__name__`. */
export interface FieldCondition {
  readonly field: FieldPath;
  readonly op: ConditionOp;
  readonly value: Value;
}

export type ConditionOp =
  | 'equal'
  | 'notEqual'
  | 'less'
  | 'lessOrEqual'
  | 'greater'
  | 'greaterOrEqual'
  | 'arrayContains'
  | 'notIn'
  /** Any value at all: an order demands no more of its field. */
  | 'exists';

/** A where clause as the client sent it, with the unary operators as comparisons with null and NaN. */
export type Filter =
  | { readonly type: 'condition'; readonly condition: FilterCondition }
  | { readonly type: 'and' | 'or'; readonly filters: readonly Filter[] };

/** A condition before `in` and `array-contains-any` are taken apart. */
export interface FilterCondition extends Omit<FieldCondition, 'op'> {
  readonly op: ConditionOp | 'in' | 'arrayContainsAny';
}

/** Conditions that must all hold. `in` and `array-contains-any` are gone: each of their values has made a conjunction
 *  of its own. */
export type Conjunction = readonly FieldCondition[];

export interface Order {
  readonly field: FieldPath;
  readonly descending: boolean;
}

/** A place in the order of the results: values for the first orders, and whether the place is just before or just after
 *  them. */
export interface Cursor {
  readonly values: readonly Value[];
  readonly before: boolean;
}

/** A query in normal form. */
export interface Query {
  /** Path of the document (empty: the root) below which it looks. */
  readonly parent: string;
  /** Undefined: documents of every collection ("kindless"), which only all descendants can be asked for. */
  readonly collectionId: string | undefined;
  readonly allDescendants: boolean;
  /** The where clause as a disjunction of conjunctions; one empty conjunction if there is none. */
  readonly disjuncts: readonly Conjunction[];
  /** What the results are ordered by, complete: with the orders that Firestore adds, and ending with the name. */
  readonly orders: readonly Order[];
  readonly startAt: Cursor | undefined;
  readonly endAt: Cursor | undefined;
  readonly offset: number;
  readonly limit: number | undefined;
  /** The fields wanted; undefined means all, empty means none (the name always comes). */
  readonly select: readonly FieldPath[] | undefined;
}
