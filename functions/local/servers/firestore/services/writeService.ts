import { status } from '@grpc/grpc-js';
import { type Backend, optionalMicros, required } from '../backend.ts';
import type {
  BatchWriteRequest,
  BeginTransactionRequest,
  CommitRequest,
  CreateDocumentRequest,
  DeleteDocumentRequest,
  RollbackRequest,
  UpdateDocumentRequest,
} from '../messages.ts';
import type { CallMeter } from '../meter.ts';
import type { CallContext, ServiceBuilder } from '../serve.ts';
import { codeOf, invalidArgument } from '../status.ts';
import type { Database } from '../store/database.ts';
import { parsePrecondition, parseUpdateMask, parseWrites, type Write, type Written } from '../store/writes.ts';
import { encodeDocument, timestampOf } from '../values/document.ts';
import { checkId, parseDocumentName, parseParent, rootCollectionOf } from '../values/resourceName.ts';
import { decodeDocument, encodeValue } from '../values/valueCodec.ts';
import { maskOf } from './readService.ts';

/** How many writes one BatchWrite may have (published limit). Commit has no such limit any more, only the request
 *  size. */
const maxBatchWrites = 500;

/** Adds the methods that write, and those that begin and end transactions. */
export function addWriteMethods(service: ServiceBuilder, backend: Backend): void {
  const commitOne = async (database: Database, write: Write, { meter, signal }: CallContext) => {
    const { results, time } = await database.commit([write], undefined, signal);
    bill(meter, [write]);
    return { written: results[0], time };
  };

  service.unary<CommitRequest>('Commit', async (request, { meter, signal }) => {
    const database = backend.database(request.database);
    const writes = parseWrites(request.writes, database.name);
    const transaction = request.transaction && database.transactions.get(request.transaction);
    const { results, time } = await database.commit(writes, transaction, signal);
    bill(meter, writes);
    return { writeResults: results.map(writeResult), commitTime: timestampOf(time) };
  });

  service.unary<BatchWriteRequest>('BatchWrite', async (request, context) => {
    const database = backend.database(request.database);
    const messages = request.writes ?? [];
    if (messages.length > maxBatchWrites) throw invalidArgument(`A batch can have at most ${maxBatchWrites} writes.`);
    const writes = parseWrites(messages, database.name);
    if (new Set(writes.map(({ path }) => path)).size < writes.length) {
      throw invalidArgument('Cannot write to the same document more than once in a batch.');
    }
    const outcomes = await Promise.allSettled(writes.map((write) => commitOne(database, write, context)));
    return {
      writeResults: outcomes.map((each) =>
        each.status === 'fulfilled' && each.value.written ? writeResult(each.value.written) : {},
      ),
      status: outcomes.map((each) => (each.status === 'fulfilled' ? { code: status.OK } : statusMessage(each.reason))),
    };
  });

  service.unary<CreateDocumentRequest>('CreateDocument', async (request, context) => {
    const { database: name, path: parent } = parseParent(required(request.parent, 'parent'));
    const database = backend.database(name);
    const collectionId = required(request.collectionId, 'collection_id');
    const id = request.documentId || backend.newDocumentId();
    checkId(collectionId, 'Collection');
    checkId(id, 'Resource');
    const { fields } = decodeDocument(request.document ?? Buffer.alloc(0));
    const path = parent === '' ? `${collectionId}/${id}` : `${parent}/${collectionId}/${id}`;
    const operation = { type: 'update', fields, mask: undefined } as const;
    const { written } = await commitOne(
      database,
      { path, operation, precondition: { exists: false }, transforms: [] },
      context,
    );
    return encodeDocument(database.name, required(written?.document, 'document'), maskOf(request.mask));
  });

  service.unary<UpdateDocumentRequest>('UpdateDocument', async (request, context) => {
    const { name, fields } = decodeDocument(required(request.document, 'document'));
    const database = backend.database(parseParent(name).database);
    const mask = parseUpdateMask(request.updateMask);
    const write: Write = {
      path: parseDocumentName(name, database.name),
      operation: { type: 'update', fields, mask },
      precondition: parsePrecondition(request.currentDocument),
      transforms: [],
    };
    const { written } = await commitOne(database, write, context);
    return encodeDocument(database.name, required(written?.document, 'document'), maskOf(request.mask));
  });

  service.unary<DeleteDocumentRequest>('DeleteDocument', async (request, context) => {
    const name = required(request.name, 'name');
    const database = backend.database(parseParent(name).database);
    const path = parseDocumentName(name, database.name);
    const precondition = parsePrecondition(request.currentDocument);
    await commitOne(database, { path, operation: { type: 'delete' }, precondition, transforms: [] }, context);
    return {};
  });

  service.unary<BeginTransactionRequest>('BeginTransaction', (request) => {
    const database = backend.database(request.database);
    const readOnly = request.options?.readOnly;
    const { token } = database.begin({
      readOnly: readOnly !== undefined,
      readTime: optionalMicros(readOnly?.readTime),
    });
    return { transaction: token };
  });

  service.unary<RollbackRequest>('Rollback', (request) => {
    const database = backend.database(request.database);
    database.transactions.end(database.transactions.get(required(request.transaction, 'transaction')));
    return {};
  });
}

function writeResult({ document, transformResults }: Written): object {
  return {
    // A delete has no update time.
    ...(document ? { updateTime: timestampOf(document.updateTime) } : {}),
    ...(transformResults.length > 0 ? { transformResults: transformResults.map(encodeValue) } : {}),
  };
}

function statusMessage(error: unknown) {
  return { code: codeOf(error), message: error instanceof Error ? error.message : String(error) };
}

/** Every write and every delete of a commit is billed, also one that changed nothing or deleted what was not there. */
function bill(meter: CallMeter, writes: readonly Write[]): void {
  for (const { path, operation } of writes)
    meter.bill(operation.type === 'delete' ? 'deletes' : 'writes', rootCollectionOf(path));
}
