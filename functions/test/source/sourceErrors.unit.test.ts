import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  MongoAPIError,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoOperationTimeoutError,
  MongoServerError,
} from 'mongodb';
import { connectSource, SourceError } from '../../src/source/connect.ts';
import { isFromMongo } from '../../src/source/fromMongo.ts';
import { sourceErrorKind } from '../../src/source/sourceErrors.ts';
import { testConfig } from '../sync/worker.fixture.ts';

describe('errors of the source', () => {
  const server = (code: number, errorLabels: string[] = []) =>
    new MongoServerError({ message: 'x', code, errorLabels });

  it('tells a lost place from a passing failure and from one that needs a person', () => {
    for (const code of [286, 280, 260, 136]) {
      assert.equal(sourceErrorKind(server(code, ['ResumableChangeStreamError'])), 'history-lost');
    }
    for (const code of [189, 11600, 43, 237, 211, 175, 24]) assert.equal(sourceErrorKind(server(code)), 'passing');
    assert.equal(sourceErrorKind(server(999_999, ['ResumableChangeStreamError'])), 'passing');
    for (const error of [
      new MongoNetworkError('connection closed'),
      new MongoNetworkTimeoutError('connection timed out'),
      new MongoOperationTimeoutError('timeoutMS is over'),
    ]) {
      assert.equal(sourceErrorKind(error), 'passing');
    }
    for (const code of [13, 18, 40415]) assert.equal(sourceErrorKind(server(code)), 'permanent');
    assert.equal(sourceErrorKind(new Error('a defect')), 'permanent');
  });

  it('lets failures of the resolver pass, also below a failed connection', () => {
    for (const code of [
      'ENOTFOUND',
      'ESERVFAIL',
      'ETIMEOUT',
      'ETIMEDOUT',
      'EAI_AGAIN',
      'EREFUSED',
      'ECONNREFUSED',
      'ENODATA',
    ]) {
      const error = Object.assign(new Error(`querySrv ${code}`), { code, syscall: 'querySrv' });
      assert.equal(sourceErrorKind(error), 'passing', code);
      assert.equal(sourceErrorKind(new SourceError('cannot be reached', { cause: error })), 'passing', code);
    }
    assert.equal(sourceErrorKind(new MongoAPIError('No addresses found at host')), 'passing');
    assert.equal(sourceErrorKind(new MongoAPIError('no such option')), 'permanent');
    assert.equal(sourceErrorKind(Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' })), 'permanent');
  });

  it('takes a failed connection for what made it fail', async () => {
    const failed: unknown = await connectSource('mongodb://127.0.0.1:1', testConfig, {
      serverSelectionTimeoutMS: 20,
    }).catch((error: unknown) => error);
    assert.ok(failed instanceof SourceError);
    assert.equal(sourceErrorKind(failed.cause), 'passing');
    assert.equal(sourceErrorKind(failed), 'passing');
    assert.equal(sourceErrorKind(new SourceError('a standalone server')), 'permanent');
    assert.equal(sourceErrorKind(new SourceError('access denied', { cause: server(18) })), 'permanent');
  });

  it('knows what comes from MongoDB, and nothing else', () => {
    for (const error of [server(13), new MongoNetworkError('x'), new SourceError('x')]) assert.ok(isFromMongo(error));
    for (const error of [Object.assign(new Error('14 UNAVAILABLE'), { code: 14 }), new Error('x'), null, 'x']) {
      assert.ok(!isFromMongo(error));
    }
  });

  it('is told without loading the driver where MongoDB was not asked', () => {
    const errors = fileURLToPath(new URL('../../src/sync/errors.ts', import.meta.url));
    const program = `
      import { registerHooks } from 'node:module';
      const loaded = [];
      registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
      const { isTransient } = await import(${JSON.stringify(errors)});
      const transient = await isTransient(Object.assign(new Error('x'), { code: 14 }));
      console.log(JSON.stringify({ transient, driver: loaded.some((url) => url.includes('/mongodb/')) }));
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      encoding: 'utf8',
    });
    assert.equal(stdout.trim(), '{"transient":true,"driver":false}', stderr);
  });
});
