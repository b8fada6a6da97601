import { type Backend, readTime, required, viewOf, withStarted } from '../backend.ts';
import type {
  BatchGetDocumentsRequest,
  DocumentMaskMessage,
  GetDocumentRequest,
  RunAggregationQueryRequest,
  RunQueryRequest,
} from '../messages.ts';
import type { CallMeter } from '../meter.ts';
import { type Aggregation, aggregate, aggregated, mostNeeded, parseAggregations } from '../query/aggregate.ts';
import { parseQuery } from '../query/parseQuery.ts';
import type { Query } from '../query/query.ts';
import { type QueryResult, runQuery } from '../query/runQuery.ts';
import type { ServiceBuilder } from '../serve.ts';
import { FirestoreError, unimplemented } from '../status.ts';
import { encodeDocument, type StoredDocument } from '../values/document.ts';
import { type FieldPath, parseFieldPath } from '../values/fieldPath.ts';
import { fullName, parseDocumentName, parseParent, rootCollectionOf } from '../values/resourceName.ts';
import type { Value } from '../values/value.ts';
import { encodeValue } from '../values/valueCodec.ts';

/** An aggregation is billed one read for this many index entries, or a part of them. */
const entriesPerRead = 1000;

/** Adds the methods that read documents by name and by query. */
export function addReadMethods(service: ServiceBuilder, backend: Backend): void {
  const { indexCheck } = backend;

  service.unary<GetDocumentRequest>('GetDocument', async (request, { meter, signal }) => {
    const name = required(request.name, 'name');
    const database = backend.database(parseParent(name).database);
    const path = parseDocumentName(name, database.name);
    const { view } = viewOf(database, request);
    const { result } = await database.read(view, signal, (store) => ({
      result: store.get(path),
      set: { paths: [path], ranges: [] },
    }));
    meter.bill('reads', rootCollectionOf(path));
    if (!result) throw new FirestoreError('NOT_FOUND', `Document "${name}" not found.`);
    return encodeDocument(database.name, result, maskOf(request.mask));
  });

  service.stream<BatchGetDocumentsRequest>('BatchGetDocuments', async (request, { meter, signal }) => {
    const database = backend.database(request.database);
    const paths = [...new Set((request.documents ?? []).map((name) => parseDocumentName(name, database.name)))];
    const mask = maskOf(request.mask);
    const { view, started } = viewOf(database, request);
    return withStarted(database, started, async () => {
      const { result, time } = await database.read(view, signal, (store) => ({
        result: paths.map((path) => store.get(path)),
        set: { paths, ranges: [] },
      }));
      for (const path of paths) meter.bill('reads', rootCollectionOf(path));
      const responses = paths.map((path, i) => ({
        ...batchResult(database.name, path, result[i], mask),
        ...readTime(time),
      }));
      return withToken(started?.token, responses, { ...readTime(time) });
    });
  });

  service.stream<RunQueryRequest>('RunQuery', async (request, { meter, signal }) => {
    if (request.explainOptions) throw unimplemented('explain_options');
    const parent = required(request.parent, 'parent');
    const database = backend.database(parseParent(parent).database);
    const query = parseQuery(parent, required(request.structuredQuery, 'structured_query'));
    indexCheck(query, []);
    const { view, started } = viewOf(database, request);
    return withStarted(database, started, async () => {
      const { result, time } = await database.read(view, signal, (store) => {
        const found = runQuery(database.name, store, query);
        return { result: found, set: { paths: found.examined.map(({ path }) => path), ranges: found.ranges } };
      });
      billQuery(meter, query, result);
      const at = readTime(time);
      return withToken(started?.token, queryResponses(database.name, query, result, at), {
        ...at,
        skippedResults: result.skipped,
      });
    });
  });

  service.stream<RunAggregationQueryRequest>('RunAggregationQuery', async (request, { meter, signal }) => {
    if (request.explainOptions) throw unimplemented('explain_options');
    const parent = required(request.parent, 'parent');
    const database = backend.database(parseParent(parent).database);
    const message = required(request.structuredAggregationQuery, 'structured_aggregation_query');
    const query = parseQuery(parent, message.structuredQuery ?? {});
    const aggregations = parseAggregations(message.aggregations ?? []);
    indexCheck(
      query,
      aggregations.flatMap((each) => (each.type === 'count' ? [] : [each.field])),
    );
    const { view, started } = viewOf(database, request);
    return withStarted(database, started, async () => {
      const { result, time } = await database.read(view, signal, (store) => {
        const found = runQuery(database.name, store, query, mostNeeded(aggregations));
        return { result: found, set: { paths: found.examined.map(({ path }) => path), ranges: found.ranges } };
      });
      const entries = result.documents.length + result.skipped;
      meter.bill('reads', accountOf(query, result.documents[0]), Math.max(1, Math.ceil(entries / entriesPerRead)));
      const response = {
        result: { aggregateFields: aggregateFields(aggregations, result.documents) },
        ...readTime(time),
      };
      return withToken(started?.token, [response], {});
    });
  });
}

/** The fields that a mask names; undefined, for all of them, if there is none. */
export function maskOf(mask: DocumentMaskMessage | undefined): FieldPath[] | undefined {
  return mask && (mask.fieldPaths ?? []).map(parseFieldPath);
}

function batchResult(
  database: string,
  path: string,
  document: StoredDocument | undefined,
  mask: FieldPath[] | undefined,
) {
  return document ? { found: encodeDocument(database, document, mask) } : { missing: fullName(database, path) };
}

/** The token of a transaction that the request has started comes with the first response, if need be with one of its
 *  own. */
function withToken(token: Buffer | undefined, responses: Iterable<object>, empty: object): Iterable<object> {
  if (!token) return orElse(responses, empty);
  return (function* () {
    let first = true;
    for (const response of responses) {
      yield first ? { ...response, transaction: token } : response;
      first = false;
    }
    if (first) yield { ...empty, transaction: token };
  })();
}

function* orElse(responses: Iterable<object>, empty: object): Generator<object> {
  let any = false;
  for (const response of responses) {
    any = true;
    yield response;
  }
  if (!any) yield empty;
}

/** One response for each document, encoded when it is its turn to be sent. */
function* queryResponses(database: string, query: Query, result: QueryResult, at: object): Generator<object> {
  let skippedResults = result.skipped;
  for (const document of result.documents) {
    yield {
      document: encodeDocument(database, document, query.select),
      ...at,
      ...(skippedResults > 0 ? { skippedResults } : {}),
    };
    skippedResults = 0;
  }
}

function billQuery(meter: CallMeter, query: Query, { documents, skipped }: QueryResult): void {
  for (const { path } of documents) meter.bill('reads', rootCollectionOf(path));
  meter.bill('reads', accountOf(query, documents[0]), skipped);
  // A query costs at least one read, even if it finds nothing.
  if (documents.length + skipped === 0) meter.bill('reads', accountOf(query, undefined));
}

function accountOf(query: Query, document: StoredDocument | undefined): string {
  if (document) return rootCollectionOf(document.path);
  if (query.parent !== '') return rootCollectionOf(query.parent);
  return query.collectionId ?? '';
}

function aggregateFields(aggregations: readonly Aggregation[], documents: readonly StoredDocument[]) {
  const counted = aggregated(aggregations, documents);
  const values = aggregations.map((each): [string, Value] => [each.alias, aggregate(each, counted)]);
  return Object.fromEntries(values.map(([alias, value]) => [alias, encodeValue(value)]));
}
