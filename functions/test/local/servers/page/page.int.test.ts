// The server of the page: what Firebase Hosting would serve, the API behind it, and its sign-in, on one loopback port.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveHttp } from '../../../../local/servers/httpServer.ts';
import { readHosting } from '../../../../local/servers/page/hosting.ts';
import { type PageServer, startPageServer } from '../../../../local/servers/page/server.ts';

describe('the server of the page', () => {
  let project: string;
  let page: PageServer;
  let close: () => Promise<void>;
  let api: string | undefined;

  beforeEach(async () => {
    project = mkdtempSync(join(tmpdir(), 'lockstep-page-'));
    mkdirSync(join(project, 'dist'));
    writeFileSync(join(project, 'dist', 'index.html'), '<title>page</title>');
    writeFileSync(join(project, 'secret.txt'), 'secret');
    const headers = [
      { source: '**', headers: [{ key: 'X-Test', value: 'all' }] },
      { source: '/assets/**', headers: [{ key: 'X-Test', value: 'assets' }] },
    ];
    writeFileSync(join(project, 'firebase.json'), JSON.stringify({ hosting: { public: 'dist', headers } }));
    const functions = await serveHttp(0, async (request) =>
      Response.json(
        { method: request.method, url: new URL(request.url).pathname, body: await request.text() },
        { status: 201, headers: { etag: '"1"' } },
      ),
    );
    api = `${functions.url}/operations`;
    page = await startPageServer({ port: 0, projectId: 'demo-page', hosting: readHosting(project), api: () => api });
    close = async () => {
      await page.close();
      await functions.close();
      rmSync(project, { recursive: true });
    };
  });

  afterEach(() => close());

  it('serves the folder with the headers of firebase.json, and nothing beside it', async () => {
    const index = await fetch(`${page.url}/`);
    assert.deepEqual(
      [index.status, index.headers.get('x-test'), await index.text()],
      [200, 'all', '<title>page</title>'],
    );
    const asset = await fetch(`${page.url}/assets/none.js`);
    assert.deepEqual([asset.status, asset.headers.get('x-test')], [404, 'assets']);
    for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt']) {
      assert.notEqual(await (await fetch(`${page.url}${path}`)).text(), 'secret');
    }
  });

  it('passes the API on as it came, and says so while no functions run', async () => {
    const answer = await fetch(`${page.url}/api/operations/pause?x=1`, { method: 'POST', body: '{"a":1}' });
    assert.deepEqual([answer.status, answer.headers.get('etag')], [201, '"1"']);
    assert.deepEqual(await answer.json(), { method: 'POST', url: '/operations/api/operations/pause', body: '{"a":1}' });
    api = undefined;
    assert.equal((await fetch(`${page.url}/api/now`)).status, 503);
  });

  it('tells the page where to sign in: at this very port', async () => {
    const script = await (await fetch(`${page.url}/__/firebase/init.js?useEmulator=true`)).text();
    assert.ok(script.includes(`"hostAndPort":"${page.host}"`), script);
    const answer = await fetch(`${page.url}/identitytoolkit.googleapis.com/v1/accounts:signInWithPassword`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'viewer@example.com', password: 'lockstep' }),
    });
    assert.equal(answer.status, 200);
  });

  it('is reached from this machine only', async () => {
    const others = Object.values(networkInterfaces())
      .flat()
      .filter((address) => address !== undefined && !address.internal && address.family === 'IPv4');
    const port = new URL(page.url).port;
    for (const address of others) {
      await assert.rejects(fetch(`http://${address?.address}:${port}/`), /fetch failed/);
    }
    assert.match(page.host, /^127\.0\.0\.1:/);
  });
});
