import assert from 'node:assert/strict';
import { serialize } from 'bson';
import { type Db, MongoClient } from 'mongodb';
import { requirementsOf } from '../../../../local/servers/mongodb/auth/requirements.ts';
import { type Fixture, rejectsWithCode, startFixture, withServer } from './mongo.fixture.ts';

const auth = { user: 'root', password: 'root & all' };
const secret = 'p@ss:word/%';

describe('MongoDB server: users and roles', () => {
  let fixture: Fixture;
  let admin: Db;
  let clients: MongoClient[];

  beforeEach(async () => {
    clients = [];
    fixture = await startFixture({ auth });
    admin = fixture.client.db('admin');
    await fixture.client.db('app').collection('items').insertOne({ n: 1 });
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await fixture.close();
  });

  const connect = (uri: string) => {
    const client = new MongoClient(uri, { serverSelectionTimeoutMS: 5000, retryReads: false, retryWrites: false });
    clients.push(client);
    return client;
  };
  /** A client of a new user with these roles. */
  const as = async (roles: readonly unknown[], user = 'someone') => {
    await admin.command({ createUser: user, pwd: secret, roles });
    return connect(fixture.server.uriOf({ user, password: secret }));
  };

  it('lets in who knows the password, and nobody else', async () => {
    const client = await as([{ role: 'read', db: 'app' }]);
    assert.equal((await client.db('app').collection('items').findOne())?.n, 1);
    const { authInfo } = await client.db('admin').command({ connectionStatus: 1 });
    assert.deepEqual(authInfo.authenticatedUsers, [{ user: 'someone', db: 'admin' }]);
    assert.deepEqual(authInfo.authenticatedUserRoles, [{ role: 'read', db: 'app' }]);
    for (const wrong of [
      { user: 'someone', password: 'guessed' },
      { user: 'nobody', password: secret },
    ]) {
      const error = await rejectsWithCode(connect(fixture.server.uriOf(wrong)).connect(), 18);
      assert.equal(error.message, 'Authentication failed.');
    }
    const sha1 = connect(`${fixture.server.uriOf(auth)}&authMechanism=SCRAM-SHA-1`);
    await rejectsWithCode(sha1.connect(), 334);
  });

  it('begins a conversation without speculation too, and ends it at a forged proof', () =>
    withServer(
      async ({ server }) => {
        const client = connect(`mongodb://127.0.0.1:${server.port}/?directConnection=true&maxPoolSize=1`);
        const sasl = async (command: object) => {
          const reply = await client.db('admin').command(command);
          return { ...reply, text: Buffer.from(reply.payload.buffer).toString() };
        };
        const start = await sasl({ saslStart: 1, mechanism: 'SCRAM-SHA-256', payload: Buffer.from('n,,n=root,r=abc') });
        assert.match(start.text, /^r=abc.{32},s=.+,i=4096$/);
        const forged = `c=biws,r=${start.text.slice(2, 37)},p=${Buffer.alloc(32).toString('base64')}`;
        const refused = sasl({ saslContinue: 1, conversationId: 1, payload: Buffer.from(forged) });
        await rejectsWithCode(refused, 18);
        await rejectsWithCode(sasl({ saslContinue: 1, conversationId: 1, payload: Buffer.from('') }), 17);
      },
      { auth },
    ));

  it('demands a user for all but the handshake', async () => {
    const client = connect(`mongodb://127.0.0.1:${fixture.server.port}/?replicaSet=rs0`);
    assert.equal((await client.db('admin').command({ ping: 1 })).ok, 1);
    const error = await rejectsWithCode(client.db('app').collection('items').findOne(), 13);
    assert.equal(error.message, 'Command find requires authentication');
    assert.equal(error.codeName, 'Unauthorized');
  });

  it('says what was refused, as a real server does', async () => {
    const client = await as([]);
    const error = await rejectsWithCode(
      client
        .db('app')
        .collection('items')
        .findOne({ a: 'x', b: [1, true] }),
      13,
    );
    assert.match(
      error.message,
      /^not authorized on app to execute command \{ find: "items", filter: \{ a: "x", b: \[ 1, true \] \}, limit: 1, .*lsid: \{ id: UUID\("[-0-9a-f]{36}"\) \}.*\$db: "app" \}$/,
    );
  });

  const built: readonly [role: { role: string; db: string }, may: string, command: object, db?: string][] = [
    [{ role: 'read', db: 'app' }, 'reads', { find: 'items' }],
    [{ role: 'read', db: 'app' }, 'lists', { listCollections: 1 }],
    [{ role: 'read', db: 'app' }, 'measures', { aggregate: 'items', pipeline: [{ $collStats: {} }], cursor: {} }],
    [{ role: 'read', db: 'app' }, 'watches', { aggregate: 1, pipeline: [{ $changeStream: {} }], cursor: {} }],
    [{ role: 'readWrite', db: 'app' }, 'writes', { insert: 'items', documents: [{}] }],
    [
      { role: 'readWrite', db: 'app' },
      'updates',
      { update: 'items', updates: [{ q: {}, u: { $set: { a: 1 } }, upsert: true }] },
    ],
    [{ role: 'readWrite', db: 'app' }, 'deletes', { delete: 'items', deletes: [{ q: {}, limit: 0 }] }],
    [{ role: 'readWrite', db: 'app' }, 'indexes', { createIndexes: 'items', indexes: [{ key: { a: 1 }, name: 'a' }] }],
    [{ role: 'dbAdmin', db: 'app' }, 'modifies', { collMod: 'items', changeStreamPreAndPostImages: { enabled: true } }],
    [{ role: 'dbAdmin', db: 'app' }, 'drops', { dropDatabase: 1 }],
    [{ role: 'clusterMonitor', db: 'admin' }, 'monitors', { serverStatus: 1 }, 'admin'],
    [{ role: 'clusterMonitor', db: 'admin' }, 'reads the oplog', { find: 'oplog.rs' }, 'local'],
    [{ role: 'root', db: 'admin' }, 'does all', { usersInfo: 1 }, 'admin'],
  ];
  for (const [role, may, command, db = 'app'] of built) {
    it(`the role ${role.role} ${may}, and nobody without it does`, async () => {
      const other = await as([{ role: role.role === 'dbAdmin' ? 'readWrite' : 'dbAdmin', db: 'other' }], 'other');
      await rejectsWithCode(other.db(db).command(command), 13);
      const client = await as([role]);
      assert.equal((await client.db(db).command(command)).ok, 1);
    });
  }

  const forbidden: readonly [string, object, string?][] = [
    ['insert', { insert: 'items', documents: [{}] }],
    ['an update', { update: 'items', updates: [{ q: {}, u: {} }] }],
    ['findAndModify', { findAndModify: 'items', remove: true }],
    [
      '$lookup in another collection',
      { aggregate: 'items', pipeline: [{ $lookup: { from: 'other', pipeline: [], as: 'o' } }], cursor: {} },
    ],
    ['count in another collection', { count: 'other' }],
    ['explain of what it may not do', { explain: { find: 'other' } }],
    ['a change stream on the database', { aggregate: 1, pipeline: [{ $changeStream: {} }], cursor: {} }],
    [
      'a change stream on the cluster',
      { aggregate: 1, pipeline: [{ $changeStream: { allChangesForCluster: true } }], cursor: {} },
      'admin',
    ],
    ['listCollections', { listCollections: 1 }],
    ['listDatabases', { listDatabases: 1 }, 'admin'],
    ['create', { create: 'mine' }],
    ['drop', { drop: 'items' }],
    ['renameCollection', { renameCollection: 'app.items', to: 'app.mine' }, 'admin'],
    ['createUser', { createUser: 'friend', pwd: 'x', roles: [] }, 'admin'],
    ['an update of its own roles', { updateUser: 'someone', roles: [{ role: 'root', db: 'admin' }] }, 'admin'],
  ];
  for (const [what, command, db = 'app'] of forbidden) {
    it(`a role that may find and watch one collection is refused ${what}`, async () => {
      const resource = { db: 'app', collection: 'items' };
      const privileges = [{ resource, actions: ['find', 'changeStream'] }];
      await admin.command({ createRole: 'reader', privileges, roles: [] });
      const client = await as(['reader']);
      assert.ok(await client.db('app').collection('items').findOne());
      await client.db('app').collection('items').estimatedDocumentCount();
      await client.db('app').collection('items').watch([], { maxAwaitTimeMS: 1 }).tryNext();
      await rejectsWithCode(client.db(db).command(command), 13);
    });
  }

  it('refuses an update however the driver sends it', async () => {
    const client = await as([{ role: 'read', db: 'app' }]);
    const items = client.db('app').collection('items');
    await rejectsWithCode(items.updateMany({}, { $set: { a: 1 } }), 13);
    await rejectsWithCode(items.bulkWrite([{ updateOne: { filter: {}, update: { $set: { a: 1 } } } }]), 13);
    await rejectsWithCode(items.bulkWrite([{ deleteOne: { filter: {} } }]), 13);
    assert.equal(await items.countDocuments({ a: 1 }), 0);
    const sequences = new Map([['updates', [serialize({ q: {}, u: {}, upsert: true })]]]);
    assert.deepEqual(requirementsOf({ name: 'update', db: 'app', body: { update: 'items' }, sequences }), [
      { target: { db: 'app', collection: 'items' }, actions: ['update', 'insert'] },
    ]);
  });

  it('knows of every command what it needs: the user who may do everything is refused none', async () => {
    const { commands } = await admin.command({ listCommands: 1 });
    assert.ok(Object.keys(commands).length > 50);
    for (const name of Object.keys(commands)) {
      if (name === 'logout') continue;
      const refusal = await admin.command({ [name]: 1 }).then(
        () => undefined,
        ({ code }) => code,
      );
      assert.notEqual(refusal, 13, name);
    }
  });

  it('decides anew with every command: roles come and go while a client is connected', async () => {
    const client = await as([{ role: 'read', db: 'app' }]);
    const items = client.db('app').collection('items');
    assert.ok(await items.findOne());
    await admin.command({ updateUser: 'someone', roles: [] });
    await rejectsWithCode(items.findOne(), 13);
    await admin.command({ grantRolesToUser: 'someone', roles: [{ role: 'readWrite', db: 'app' }] });
    await items.insertOne({ n: 2 });
    await admin.command({ dropUser: 'someone' });
    assert.equal((await rejectsWithCode(items.findOne(), 13)).message, 'Command find requires authentication');
    await rejectsWithCode(connect(fixture.server.uriOf({ user: 'someone', password: secret })).connect(), 18);
  });

  it('keeps cursors and sessions to the user whose they are', async () => {
    const items = fixture.client.db('app').collection('items');
    await items.insertMany([{}, {}]);
    const { cursor } = await fixture.client.db('app').command({ find: 'items', batchSize: 1 });
    const client = await as([{ role: 'read', db: 'app' }]);
    const stolen = { getMore: cursor.id, collection: 'items' };
    assert.match(
      (await rejectsWithCode(client.db('app').command(stolen), 13)).message,
      /not created by the authenticated user/,
    );
    await rejectsWithCode(client.db('app').command({ killCursors: 'items', cursors: [cursor.id] }), 13);
  });

  it('tells of users and roles what was given, and refuses what there is already or not', async () => {
    await as([{ role: 'read', db: 'app' }]);
    const again = admin.command({ createUser: 'someone', pwd: 'x', roles: [] });
    assert.equal((await rejectsWithCode(again, 51003)).message, 'User "someone@admin" already exists');
    const [user] = (await admin.command({ usersInfo: 'someone' })).users;
    assert.deepEqual(
      [user._id, user.roles, user.mechanisms],
      ['admin.someone', [{ role: 'read', db: 'app' }], ['SCRAM-SHA-256']],
    );
    assert.equal((await admin.command({ usersInfo: { forAllDBs: true } })).users.length, 2);
    const privileges = [{ resource: { db: 'app', collection: '' }, actions: ['find'] }];
    await admin.command({ createRole: 'mine', privileges, roles: [{ role: 'read', db: 'other' }] });
    const [role] = (await admin.command({ rolesInfo: 'mine', showPrivileges: true })).roles;
    assert.deepEqual([role.role, role.isBuiltin, role.privileges], ['mine', false, privileges]);
    assert.ok(role.inheritedPrivileges.length > 1);
    await rejectsWithCode(admin.command({ createRole: 'mine', privileges: [], roles: [] }), 51002);
    await rejectsWithCode(admin.command({ createUser: 'x', pwd: 'x', roles: ['nothing'] }), 31);
    await rejectsWithCode(admin.command({ updateUser: 'nobody', roles: [] }), 11);
    await rejectsWithCode(admin.command({ updateRole: 'nothing', privileges: [] }), 31);
  });

  it('refuses a privilege for an action that it does not check', async () => {
    const privileges = [{ resource: { cluster: true }, actions: ['fly'] }];
    const refused = admin.command({ createRole: 'r', privileges, roles: [] });
    assert.equal((await rejectsWithCode(refused, 9)).message, 'Unrecognized action privilege strings: fly');
  });
});
