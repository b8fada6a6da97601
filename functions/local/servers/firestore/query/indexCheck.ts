// Which indexes a query needs, by the published rules:
// https://firebase.google.com/docs/firestore/query-data/index-overview and
// https://cloud.google.com/firestore/docs/concepts/index-overview

import { FirestoreError } from '../status.ts';
import { type FieldPath, nameField } from '../values/fieldPath.ts';
import {
  type CompositeIndex,
  type FieldMode,
  type IndexConfig,
  type QueryScope,
  singleFieldIndexes,
} from './indexConfig.ts';
import type { Conjunction, Query } from './query.ts';

/** Refuses a query that production would refuse for want of an index.
 *  @param aggregated  fields that are summed or averaged: they have to be in the index too
 *  @throws FirestoreError FAILED_PRECONDITION naming the index that is wanted */
export type IndexCheck = (query: Query, aggregated: readonly FieldPath[]) => void;

/** The check of a server that was started without index definitions: everything passes. */
export const everyIndexExists: IndexCheck = () => {};

/** A field of an index, with how it is sorted. */
interface Part {
  readonly fieldPath: string;
  readonly mode: FieldMode;
}

/** What an index, or several that are merged, must bring for one alternative of a query. */
interface Need {
  readonly collectionGroup: string;
  readonly queryScope: QueryScope;
  /** Compared by equality: they may stand in any order, before the others, and be spread over several indexes. */
  readonly equalities: readonly Part[];
  /** Sorted or compared by a range: they end every index, in this order. */
  readonly orders: readonly Part[];
  readonly nameMode: 'ASCENDING' | 'DESCENDING';
}

/** The check against index definitions. */
export function createIndexCheck(config: IndexConfig): IndexCheck {
  return (query, aggregated) => {
    if (query.collectionId === undefined) return;
    for (const conjunction of query.disjuncts) {
      const need = needOf(query, query.collectionId, conjunction, aggregated);
      if (!satisfied(config, need)) throw missingIndex(config, need);
    }
  };
}

function needOf(
  query: Query,
  collectionGroup: string,
  conjunction: Conjunction,
  aggregated: readonly FieldPath[],
): Need {
  const equalities = new Map<string, Part>();
  for (const { field, op } of conjunction) {
    if (field.canonical === nameField) continue;
    if (op === 'equal') equalities.set(field.canonical, { fieldPath: field.canonical, mode: 'ASCENDING' });
    if (op === 'arrayContains')
      equalities.set(`${field.canonical} contains`, { fieldPath: field.canonical, mode: 'CONTAINS' });
  }
  const orders: Part[] = [];
  const add = ({ canonical }: FieldPath, mode: FieldMode) => {
    // A field of which there is only one value needs no order.
    if (canonical === nameField || equalities.has(canonical)) return;
    if (!orders.some(({ fieldPath }) => fieldPath === canonical)) orders.push({ fieldPath: canonical, mode });
  };
  for (const { field, descending } of query.orders) add(field, descending ? 'DESCENDING' : 'ASCENDING');
  for (const field of aggregated) add(field, 'ASCENDING');
  return {
    collectionGroup,
    queryScope: query.allDescendants ? 'COLLECTION_GROUP' : 'COLLECTION',
    equalities: [...equalities.values()],
    orders,
    nameMode: query.orders.at(-1)?.descending ? 'DESCENDING' : 'ASCENDING',
  };
}

function satisfied(config: IndexConfig, need: Need): boolean {
  const { equalities, orders, nameMode } = need;
  const [onlyOrder, ...moreOrders] = orders;
  if (equalities.length === 0 && !onlyOrder && nameMode === 'ASCENDING') return true;
  if (equalities.length === 0 && onlyOrder && moreOrders.length === 0 && onlyOrder.mode === nameMode) {
    if (hasSingleField(config, need, onlyOrder.fieldPath, [onlyOrder.mode])) return true;
  }
  const covered = new Set<Part>();
  if (orders.length === 0) {
    // Equalities alone are served by merging the automatic indexes, each of which is sorted by name as well.
    for (const part of equalities) if (hasSingleField(config, need, part.fieldPath, modesFor(part))) covered.add(part);
  }
  let served = orders.length === 0 && equalities.length > 0;
  for (const index of config.indexes) {
    const prefix = prefixServing(index, need);
    if (!prefix) continue;
    served = true;
    for (const part of prefix) covered.add(part);
  }
  return served && covered.size === equalities.length;
}

const modesFor = ({ mode }: Part): readonly FieldMode[] =>
  mode === 'CONTAINS' ? ['CONTAINS'] : ['ASCENDING', 'DESCENDING'];

/** The equalities that an index takes care of, if it is of use to the query at all: equalities first, then exactly its
 *  orders. */
function prefixServing(index: CompositeIndex, need: Need): readonly Part[] | undefined {
  if (index.collectionGroup !== need.collectionGroup || index.queryScope !== need.queryScope) return undefined;
  const explicitName = index.fields.at(-1)?.fieldPath === nameField ? index.fields.at(-1) : undefined;
  const fields = explicitName ? index.fields.slice(0, -1) : index.fields;
  // An index ends with the name, in the direction of its last field unless it says otherwise.
  const nameMode = explicitName?.mode ?? (fields.at(-1)?.mode === 'DESCENDING' ? 'DESCENDING' : 'ASCENDING');
  if (nameMode !== need.nameMode) return undefined;
  const split = fields.length - need.orders.length;
  if (split < 0) return undefined;
  const suffix = fields.slice(split);
  const ordered = need.orders.every(
    (part, i) => suffix[i]?.fieldPath === part.fieldPath && suffix[i]?.mode === part.mode,
  );
  if (!ordered) return undefined;
  const prefix = fields.slice(0, split).map((field) => need.equalities.find((part) => serves(field, part)));
  return prefix.every((part) => part !== undefined) ? prefix : undefined;
}

const serves = (field: Part, part: Part) => field.fieldPath === part.fieldPath && modesFor(part).includes(field.mode);

/** Whether a field has one of these single-field indexes. */
function hasSingleField(config: IndexConfig, need: Need, fieldPath: string, modes: readonly FieldMode[]): boolean {
  const indexes = singleFieldIndexes(config, need.collectionGroup, fieldPath);
  return indexes.some((index) => index.queryScope === need.queryScope && modes.includes(index.mode));
}

function missingIndex(config: IndexConfig, need: Need): FirestoreError {
  const { collectionGroup, queryScope } = need;
  const parts = [...need.equalities, ...need.orders];
  const [only] = parts;
  const last = need.orders.at(-1)?.mode ?? 'ASCENDING';
  if (only && parts.length === 1 && (need.orders.length === 0 || last === need.nameMode)) {
    const kind = only.mode === 'CONTAINS' ? 'CONTAINS' : only.mode.slice(0, -'ENDING'.length);
    const existing = singleFieldIndexes(config, collectionGroup, only.fieldPath);
    const indexes = [...existing, { mode: only.mode, queryScope }].map((index) => ({
      queryScope: index.queryScope,
      ...setting(index.mode),
    }));
    return missing(`a ${queryScope}_${kind} index for collection ${collectionGroup} and field ${only.fieldPath}`, {
      fieldOverrides: [{ collectionGroup, fieldPath: only.fieldPath, indexes }],
    });
  }
  const fields = [...parts, { fieldPath: nameField, mode: need.nameMode }].map(({ fieldPath, mode }) => ({
    fieldPath,
    ...setting(mode),
  }));
  return missing('an index', { indexes: [{ collectionGroup, queryScope, fields }] });
}

const setting = (mode: FieldMode) => (mode === 'CONTAINS' ? { arrayConfig: mode } : { order: mode });

/** Production's text goes on with a link to its console; here it is what firestore.indexes.json lacks. */
const missing = (what: string, definitions: object) =>
  new FirestoreError(
    'FAILED_PRECONDITION',
    `The query requires ${what}. Add it to firestore.indexes.json: ${JSON.stringify(definitions)}`,
  );
