// The bucket on the Admin SDK and our server of Cloud Storage: attacks "overwrites nothing" and "a missing bucket is no
// missing object".
import assert from 'node:assert/strict';
import { type App, deleteApp, initializeApp } from 'firebase-admin/app';
import { crc32c } from '../../local/servers/storage/crc32c.ts';
import { type StorageServer, startStorageServer } from '../../local/servers/storage/server.ts';
import { systemClock } from '../../src/clock.ts';
import { BucketError, openBucket } from '../../src/storage/bucket.ts';
import { setVariables } from '../support/variables.ts';
import { useBucket } from './bucketCalls.ts';

describe('a bucket', () => {
  let server: StorageServer;
  let restore: () => void;
  let app: App;
  const open = (name = 'acme') => openBucket(app, name, systemClock);

  before(async () => {
    server = await startStorageServer({ buckets: ['acme', 'other'] });
    restore = setVariables({ STORAGE_EMULATOR_HOST: server.url, METADATA_SERVER_DETECTION: 'none' });
    app = initializeApp({ projectId: 'demo-test' }, 'bucket');
  });

  after(async () => {
    await deleteApp(app);
    restore();
    await server.close();
  });

  it('saves, reads, lists and deletes', async () => {
    await useBucket(await open());
    assert.deepEqual((await (await open('other')).list({ prefix: '', limit: 10 })).objects, []);
  });

  it('overwrites nothing', async () => {
    const bucket = await open();
    assert.equal(await bucket.saveIfAbsent('once', Buffer.from('first')), 'saved');
    assert.equal(await bucket.saveIfAbsent('once', Buffer.from('second')), 'existed');
    assert.equal(String(await bucket.read('once')), 'first');
  });

  it('deletes the version that was seen, and no other', async () => {
    const bucket = await open();
    await bucket.saveIfAbsent('again', Buffer.from('first'));
    const seen = await bucket.find('again');
    assert.ok(seen);
    await bucket.delete('again');
    assert.equal(await bucket.deleteVersion('again', seen.generation), 'absent');
    await bucket.saveIfAbsent('again', Buffer.from('second'));
    assert.equal(await bucket.deleteVersion('again', seen.generation), 'changed');
    assert.equal(String(await bucket.read('again')), 'second');
    const newest = await bucket.find('again');
    assert.ok(newest);
    assert.equal(await bucket.deleteVersion('again', newest.generation), 'deleted');
    assert.equal(await bucket.exists('again'), false);
  });

  it('has saved what it is not sure of having saved', async () => {
    const bucket = await open();
    server.faults.inject('storage.objects.create', { error: { code: '503' }, afterEffect: true });
    assert.equal(await bucket.saveIfAbsent('retried', Buffer.from('x')), 'existed');
    assert.equal(String(await bucket.read('retried')), 'x');
  });

  it('that does not exist is an error, and not one without the object', async () => {
    const bucket = await open('nobody');
    for (const call of [
      () => bucket.read('x'),
      () => bucket.exists('x'),
      () => bucket.delete('x'),
      () => bucket.saveIfAbsent('x', Buffer.from('x')),
      () => bucket.list({ prefix: '', limit: 1 }),
    ]) {
      await assert.rejects(
        call,
        (error) => error instanceof BucketError && /in bucket nobody failed/.test(error.message),
      );
    }
  });

  it('refuses names that Cloud Storage refuses, and says what was being done', async () => {
    const bucket = await open();
    for (const name of ['a\nb', '.well-known/acme-challenge/x', 'x'.repeat(1_025)]) {
      await assert.rejects(
        bucket.saveIfAbsent(name, Buffer.from('x')),
        /^BucketError: saving .* in bucket acme failed/s,
      );
    }
    await assert.rejects(startStorageServer({ buckets: ['Acme'] }), /Invalid bucket name/);
  });

  it('says what is forbidden', async () => {
    server.faults.inject('storage.objects.delete', { error: { code: '403', message: 'forbidden' } });
    await assert.rejects((await open()).delete('once'), /deleting once in bucket acme failed: forbidden\. Check/);
  });
});

describe('the server of Cloud Storage', () => {
  it('computes CRC32C', () => {
    // The check value of the algorithm.
    assert.equal(Buffer.from(crc32c(Buffer.from('123456789')), 'base64').toString('hex'), 'e3069283');
  });

  it('refuses what it does not support by its name', async () => {
    const server = await startStorageServer({ buckets: ['acme'] });
    const refusal = async (path: string, method = 'GET') => {
      const answer = await fetch(`${server.url}${path}`, { method });
      return `${answer.status} ${await answer.text()}`;
    };
    assert.match(await refusal('/b/acme/o?delimiter=/'), /^501 .*parameter delimiter/);
    assert.match(await refusal('/b/acme/o/x/acl'), /^501 .*GET \/b\/acme\/o\/x\/acl/);
    assert.match(await refusal('/b/acme/o/x', 'PATCH'), /^501 .*PATCH of x/);
    assert.match(await refusal('/upload/storage/v1/b/acme/o?uploadType=resumable', 'POST'), /^501 .*resumable/);
    assert.match(await refusal('/b/acme/o/x?ifGenerationMatch=a'), /^400 .*Invalid value for ifGenerationMatch/);
    await server.close();
  });
});
