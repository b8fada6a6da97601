import type { FieldPath } from './field-path.ts';
import type { Query } from './query.ts';

/** Refuses a query that production would refuse for want of an index.
 *  @param aggregated  fields that are summed or averaged: they have to be in the index too
 *  @throws FirestoreError FAILED_PRECONDITION naming the index that is wanted */
export type IndexCheck = (database: string, query: Query, aggregated: readonly FieldPath[]) => void;

/** The check of a server that was started without index definitions: everything passes. */
export const everyIndexExists: IndexCheck = () => {};
