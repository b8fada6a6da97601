import { type Backend, required, viewOf } from '../backend.ts';
import type { ListCollectionIdsRequest, ListDocumentsRequest, PartitionQueryRequest } from '../messages.ts';
import { parseQuery } from '../query/parseQuery.ts';
import { runQuery } from '../query/runQuery.ts';
import type { ServiceBuilder } from '../serve.ts';
import { invalidArgument, unimplemented } from '../status.ts';
import { encodeDocument, encodeName } from '../values/document.ts';
import { checkId, fullName, parseParent, rootCollectionOf } from '../values/resourceName.ts';
import { encodeValue } from '../values/valueCodec.ts';
import { childPaths, pageOf } from './listing.ts';
import { maskOf } from './readService.ts';

/** Page size of a request that leaves it to the server. */
const defaultPageSize = 300;

/** Adds the methods that list what there is. */
export function addListMethods(service: ServiceBuilder, backend: Backend): void {
  service.unary<ListDocumentsRequest>('ListDocuments', async (request, { meter, signal }) => {
    const { database: name, path: parent } = parseParent(required(request.parent, 'parent'));
    const database = backend.database(name);
    const collectionId = required(request.collectionId, 'collection_id');
    if (request.orderBy && request.orderBy !== '__name__') {
      throw unimplemented(`ListDocuments ordered by "${request.orderBy}"`);
    }
    checkId(collectionId, 'Collection');
    const collection = parent === '' ? collectionId : `${parent}/${collectionId}`;
    const { view } = viewOf(database, request);
    const { result } = await database.read(view, signal, (store) => {
      const paths = childPaths(store, collection).filter((path) => request.showMissing === true || store.get(path));
      const page = pageOf(paths, request.pageSize || defaultPageSize, request.pageToken ?? '');
      const documents = page.items.map((path) => ({ path, document: store.get(path) }));
      return { result: { ...page, documents }, set: { paths: page.items, ranges: [] } };
    });
    meter.bill('reads', rootCollectionOf(collection), Math.max(1, result.documents.length));
    const mask = maskOf(request.mask);
    return {
      // A missing document has a name and nothing else, not even times.
      documents: result.documents.map(({ path, document }) =>
        document ? encodeDocument(name, document, mask) : encodeName(name, path),
      ),
      nextPageToken: result.nextPageToken,
    };
  });

  service.unary<ListCollectionIdsRequest>('ListCollectionIds', async (request, { meter, signal }) => {
    const { database: name, path: parent } = parseParent(required(request.parent, 'parent'));
    const database = backend.database(name);
    const { view } = viewOf(database, request);
    const { result } = await database.read(view, signal, (store) => ({
      result: pageOf(childPaths(store, parent), request.pageSize || defaultPageSize, request.pageToken ?? ''),
      set: { paths: [], ranges: [] },
    }));
    meter.bill('reads', parent === '' ? '' : rootCollectionOf(parent));
    return {
      collectionIds: result.items.map((path) => path.slice(path.lastIndexOf('/') + 1)),
      nextPageToken: result.nextPageToken,
    };
  });

  service.unary<PartitionQueryRequest>('PartitionQuery', async (request, { signal }) => {
    const parent = required(request.parent, 'parent');
    const database = backend.database(parseParent(parent).database);
    const query = parseQuery(parent, required(request.structuredQuery, 'structured_query'));
    const byName =
      query.orders.length === 1 && !query.orders[0]?.descending && query.disjuncts.every((each) => each.length === 0);
    if (!query.allDescendants || !byName) {
      throw invalidArgument(
        'A partition query must be over all descendants, without filters, and ordered by __name__ ascending.',
      );
    }
    if (request.pageSize || request.pageToken) throw unimplemented('PartitionQuery page by page');
    const count = Number(request.partitionCount ?? 0);
    if (!(count > 0)) throw invalidArgument('partition_count must be positive.');
    const { view } = viewOf(database, request);
    const { result } = await database.read(view, signal, (store) => ({
      result: cutPoints(runQuery(database.name, store, query).documents, count),
      set: { paths: [], ranges: [] },
    }));
    const partitions = result.map(({ path }) => ({
      values: [encodeValue({ type: 'reference', value: fullName(database.name, path) })],
      before: true,
    }));
    return { partitions, nextPageToken: '' };
  });
}

/** At most `count` items that cut the others into stretches of the same length. */
function cutPoints<Item>(items: readonly Item[], count: number): Item[] {
  const cuts = Math.min(count, Math.max(0, items.length - 1));
  return Array.from({ length: cuts }, (_, i) => items[Math.floor(((i + 1) * items.length) / (cuts + 1))]).filter(
    (item) => item !== undefined,
  );
}
