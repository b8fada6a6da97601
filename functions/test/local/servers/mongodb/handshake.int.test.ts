import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { deserialize, serialize } from 'bson';
import { Long, MongoClient } from 'mongodb';
import { startMongoServer } from '../../../../local/servers/mongodb/server.ts';
import { until } from '../../../support/until.ts';
import { rejectsWithCode, withServer } from './mongo.fixture.ts';

describe('MongoDB server: handshake', () => {
  it('is found as the primary of its replica set', () =>
    withServer(async ({ client, server }) => {
      const hello = await client.db('admin').command({ hello: 1 });
      assert.equal(hello.setName, 'rs0');
      assert.equal(hello.isWritablePrimary, true);
      assert.deepEqual(hello.hosts, [`127.0.0.1:${server.port}`]);
      assert.equal(hello.maxWireVersion, 25);
      assert.equal(hello.logicalSessionTimeoutMinutes, 30);
      assert.equal(hello.compression, undefined);
      assert.ok(hello.$clusterTime.clusterTime instanceof Long);
    }));

  it('answers the questions that drivers and shells ask', () =>
    withServer(async ({ client }) => {
      const admin = client.db('admin');
      assert.equal((await admin.command({ ping: 1 })).ok, 1);
      assert.equal((await admin.command({ buildInfo: 1 })).version, '8.0.0');
      assert.equal((await admin.command({ replSetGetStatus: 1 })).myState, 1);
      assert.deepEqual((await admin.command({ connectionStatus: 1 })).authInfo.authenticatedUsers, []);
      assert.equal(
        (await admin.command({ getParameter: 1, featureCompatibilityVersion: 1 })).featureCompatibilityVersion.version,
        '8.0',
      );
      assert.ok((await admin.command({ serverStatus: 1 })).localTime instanceof Date);
    }));

  it('tells every answer the cluster time, which grows with writes', () =>
    withServer(async ({ client, server }) => {
      const first = await client.db('a').command({ insert: 'c', documents: [{}] });
      const second = await client.db('a').command({ insert: 'c', documents: [{}] });
      assert.ok(second.operationTime.greaterThan(first.operationTime));
      assert.ok(second.$clusterTime.clusterTime.equals(second.operationTime));
      assert.ok(server.clusterTime.equals(second.operationTime));
    }));

  it('rejects a port that is taken with the code of the socket', () =>
    withServer(async ({ server }) => {
      await assert.rejects(startMongoServer({ port: server.port }), { code: 'EADDRINUSE' });
    }));

  it('is a standalone server when asked for one', () =>
    withServer(
      async ({ client }) => {
        const hello = await client.db('admin').command({ hello: 1 });
        assert.equal(hello.setName, undefined);
        assert.equal(hello.$clusterTime, undefined);
        await client.db('a').collection('c').insertOne({ a: 1 });
        const stream = client.db('a').collection('c').watch();
        await rejectsWithCode(stream.next(), 40573);
        const session = client.startSession();
        session.startTransaction();
        await assert.rejects(client.db('a').collection('c').insertOne({}, { session }));
        await session.endSession();
      },
      { replicaSet: null },
    ));

  it('answers a command that it does not know with 59', () =>
    withServer(async ({ client }) => {
      const error = await rejectsWithCode(client.db('a').command({ frobnicate: 1 }), 59);
      assert.equal(error.codeName, 'CommandNotFound');
    }));

  it('answers the legacy handshake (OP_QUERY), byte by byte if need be', () =>
    withServer(async ({ server }) => {
      const body = serialize({ ismaster: 1 });
      const namespace = Buffer.from('admin.$cmd\0');
      const message = Buffer.alloc(16 + 4 + namespace.length + 8 + body.length);
      message.writeInt32LE(message.length, 0);
      message.writeInt32LE(77, 4);
      message.writeInt32LE(2004, 12);
      namespace.copy(message, 20);
      message.writeInt32LE(-1, 20 + namespace.length + 4);
      message.set(body, 28 + namespace.length);
      const socket = connect(server.port, '127.0.0.1');
      const reply = await new Promise<Buffer>((resolve, reject) => {
        let received = Buffer.alloc(0);
        socket.on('error', reject);
        socket.on('data', (chunk) => {
          received = Buffer.concat([received, chunk]);
          if (received.length >= 4 && received.length === received.readInt32LE(0)) resolve(received);
        });
        for (const byte of message) socket.write(Buffer.from([byte]));
      });
      socket.destroy();
      assert.equal(reply.readInt32LE(8), 77);
      assert.equal(reply.readInt32LE(12), 1);
      assert.equal(deserialize(reply.subarray(36)).ismaster, true);
    }));

  it('closes a connection that does not speak the protocol, and keeps the others', async () => {
    const logged: string[] = [];
    const server = await startMongoServer({ log: (line) => logged.push(line) });
    const client = new MongoClient(server.uri);
    await client.connect();
    const socket = connect(server.port, '127.0.0.1');
    await new Promise((resolve) => {
      socket.on('close', resolve);
      socket.write('GET / HTTP/1.1\r\n\r\n');
    });
    assert.equal(logged.length, 1);
    assert.equal((await client.db('admin').command({ ping: 1 })).ok, 1);
    await client.close();
    await server.close();
  });

  it('tells a waiting monitor at once that it has stepped down', () =>
    withServer(
      async ({ client, server }) => {
        const seen: boolean[] = [];
        client.on('serverDescriptionChanged', ({ newDescription }) => seen.push(newDescription.type === 'RSPrimary'));
        server.stepDown();
        await until(() => seen.includes(false), 'the client notices the step-down');
        server.stepUp();
        await until(() => seen.at(-1) === true, 'the client notices the step-up');
        await client.db('a').collection('c').insertOne({});
      },
      {},
      // Much longer than the test: only the server's own message can be that quick.
      { heartbeatFrequencyMS: 60_000 },
    ));

  it('forgets a client: its sessions end when it says goodbye', () =>
    withServer(async ({ server }) => {
      const other = new MongoClient(server.uri);
      await other.db('a').collection('c').insertOne({});
      const before = server.stats();
      assert.ok(before.sessions > 0);
      await other.close();
      await until(() => server.stats().sessions < before.sessions, 'the sessions of the client are gone');
    }));
});
