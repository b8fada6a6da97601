import assert from 'node:assert/strict';
import { type FirestoreServer, startFirestoreServer } from '../../../../local/servers/firestore/server.ts';
import { connect, database, document, integer, type Message, root } from './rawClient.ts';

const invalidArgument = 3;
const notFound = 5;
const alreadyExists = 6;
const unimplemented = 12;

describe('Firestore protocol beyond the Admin SDK', () => {
  let server: FirestoreServer;
  let client: ReturnType<typeof connect>;
  before(async () => {
    server = await startFirestoreServer();
    client = connect(server);
  });
  after(async () => {
    client.close();
    await server.close();
  });
  beforeEach(() => server.clear());

  const refused = (method: string, request: Message, code: number, message = /./) =>
    assert.rejects(client.call(method, request), { code, message });

  it('creates, gets, updates and deletes single documents', async () => {
    const request = {
      parent: root,
      collectionId: 'a',
      documentId: 'b',
      document: { fields: { x: integer(1), y: integer(2) } },
    };
    const created = await client.call('CreateDocument', request);
    assert.equal(created.name, `${root}/a/b`);
    await refused('CreateDocument', request, alreadyExists);
    const unnamed = await client.call('CreateDocument', { parent: `${root}/a/b`, collectionId: 'c', document: {} });
    assert.match(String(unnamed.name), /\/a\/b\/c\/[\w-]{20}$/);
    const updated = await client.call('UpdateDocument', {
      document: document('a/b', { x: integer(5) }),
      updateMask: { fieldPaths: ['x'] },
      mask: { fieldPaths: ['x'] },
    });
    assert.deepEqual(updated.fields, { x: integer(5) });
    const found = await client.call('GetDocument', { name: `${root}/a/b` });
    assert.deepEqual(found.fields, { x: integer(5), y: integer(2) });
    assert.deepEqual(found.createTime, created.createTime);
    await client.call('DeleteDocument', { name: `${root}/a/b` });
    await refused('GetDocument', { name: `${root}/a/b` }, notFound);
    await refused('DeleteDocument', { name: `${root}/a/b`, currentDocument: { exists: true } }, notFound);
  });

  it('lists documents page by page', async () => {
    const writes = ['1', '2', '3', '4', '5'].map((id) => ({ update: document(`a/${id}`, {}) }));
    await client.call('Commit', { database, writes });
    const seen: unknown[] = [];
    let pageToken: unknown = '';
    do {
      const page = await client.call('ListDocuments', { parent: root, collectionId: 'a', pageSize: 2, pageToken });
      assert.ok(Array.isArray(page.documents));
      seen.push(page.documents.map(({ name }) => String(name).slice(-1)).join(''));
      pageToken = page.nextPageToken;
    } while (pageToken);
    assert.deepEqual(seen, ['12', '34', '5']);
  });

  it('refuses a transaction that is over or never was', async () => {
    const { transaction } = await client.call('BeginTransaction', { database });
    await client.call('Commit', { database, writes: [{ update: document('a/b', {}) }], transaction });
    await refused(
      'Commit',
      { database, transaction },
      invalidArgument,
      /transaction has expired or is no longer valid/,
    );
    const other = await client.call('BeginTransaction', { database });
    await client.call('Rollback', { database, transaction: other.transaction });
    await refused('Rollback', { database, transaction: other.transaction }, invalidArgument);
    await refused('Commit', { database, transaction: Buffer.from('made up') }, invalidArgument);
    const readOnly = await client.call('BeginTransaction', { database, options: { readOnly: {} } });
    await refused(
      'Commit',
      { database, writes: [{ delete: `${root}/a/b` }], transaction: readOnly.transaction },
      invalidArgument,
      /read-only/,
    );
    assert.equal(server.stats().openTransactions, 0);
  });

  it('gives the token of a transaction that a read starts, also when the read finds nothing', async () => {
    const structuredQuery = { from: [{ collectionId: 'none' }] };
    const [first, ...rest] = await client.stream('RunQuery', {
      parent: root,
      structuredQuery,
      newTransaction: { readWrite: {} },
    });
    assert.deepEqual(rest, []);
    assert.ok(first && Buffer.isBuffer(first.transaction) && first.transaction.length > 0);
    await client.call('Rollback', { database, transaction: first.transaction });
    const bad = client.stream('BatchGetDocuments', {
      database,
      documents: ['nonsense'],
      newTransaction: { readWrite: {} },
    });
    await assert.rejects(bad, { code: invalidArgument });
    assert.equal(server.stats().openTransactions, 0);
  });

  it('refuses writes that are not valid', async () => {
    const write = (each: Message, message: RegExp) =>
      refused('Commit', { database, writes: [each] }, invalidArgument, message);
    await write({}, /needs an operation/);
    await write({ update: document('a', {}) }, /document/);
    await write({ delete: 'projects/other/databases/(default)/documents/a/b' }, /does not belong/);
    await write({ update: document('a/b', { __x__: integer(1) }) }, /reserved/);
    const arrays = { arrayValue: { values: [{ arrayValue: { values: [] } }] } };
    await write(
      { update: document('a/b', { list: arrays }) },
      /^3 INVALID_ARGUMENT: Property array contains an invalid nested entity\.$/,
    );
    await write({ update: document('a/b', {}), updateMask: { fieldPaths: ['no..path'] } }, /Invalid property path/);
    await write(
      { update: document('a/b', {}), updateTransforms: [{ fieldPath: 'x', increment: { stringValue: '1' } }] },
      /increment/,
    );
    await write(
      { update: document('a/b', { at: { timestampValue: { seconds: '253402300800' } } }) },
      /outside the years/,
    );
    await write({ update: document('a/b', { at: { timestampValue: { nanos: -1 } } }) }, /outside the years/);
    await refused('Commit', { database: 'nothing', writes: [] }, invalidArgument, /Invalid database name/);
    const twice = { delete: `${root}/a/b` };
    await refused('BatchWrite', { database, writes: [twice, twice] }, invalidArgument, /more than once/);
    assert.equal(server.stats().documents, 0);
  });

  it('gives each write of a batch its own status', async () => {
    await client.call('Commit', { database, writes: [{ update: document('a/there', {}) }] });
    const answer = await client.call('BatchWrite', {
      database,
      writes: [
        { update: document('a/there', {}), currentDocument: { exists: false } },
        { update: document('a/new', {}), currentDocument: { exists: false } },
        { delete: `${root}/a/gone`, currentDocument: { exists: true } },
      ],
    });
    assert.ok(Array.isArray(answer.status));
    assert.deepEqual(
      answer.status.map(({ code }) => code ?? 0),
      [alreadyExists, 0, notFound],
    );
  });

  it('refuses queries that are not valid', async () => {
    const query = (structuredQuery: Message, message: RegExp, parent = root) =>
      assert.rejects(client.stream('RunQuery', { parent, structuredQuery }), { code: invalidArgument, message });
    const from = [{ collectionId: 'a' }];
    const field = { fieldPath: 'x' };
    const many = { arrayValue: { values: Array.from({ length: 31 }, (_, i) => integer(i)) } };
    await query({ from: [...from, ...from] }, /one collection selector/);
    await query({ from, where: { fieldFilter: { field, op: 'IN', value: many } } }, /up to 30/);
    await query({ from, where: { fieldFilter: { field, op: 'NOT_IN', value: many } } }, /up to 10/);
    await query({ from, where: { compositeFilter: { op: 'AND', filters: [] } } }, /at least one filter/);
    await query({ from, limit: { value: -1 } }, /negative/);
    await query({ from: [{ allDescendants: true }], orderBy: [{ field }] }, /kind is required/);
    await query({ from }, /Invalid resource name/, 'nowhere');
    const equal = { fieldFilter: { field, op: 'EQUAL', value: integer(1) } };
    const four = { compositeFilter: { op: 'AND', filters: [equal, equal, equal, equal] } };
    const oneOf = (count: number) => ({
      compositeFilter: { op: 'OR', filters: Array.from({ length: count }, () => four) },
    });
    await client.stream('RunQuery', { parent: root, structuredQuery: { from, where: oneOf(25) } });
    await query({ from, where: oneOf(26) }, /filters, sort orders and parent document path .* cannot exceed 100/);
    await query({ from, where: oneOf(25), orderBy: [{ field }] }, /cannot exceed 100/);
    await query({ from, where: oneOf(25) }, /cannot exceed 100/, `${root}/b/c`);
    const contains = { fieldFilter: { field, op: 'ARRAY_CONTAINS', value: integer(1) } };
    await query(
      { from, where: { compositeFilter: { op: 'AND', filters: [contains, contains] } } },
      /A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction/,
    );
  });

  it('answers UNIMPLEMENTED to the streaming Write, which only mobile and web clients use', async () => {
    await assert.rejects(client.stream('Write', { database }), { code: unimplemented });
  });
});
