// Requests that nobody meant: attacks "bad input gets a 4xx that names the field, and nothing changes".
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { maxBodyBytes } from '../../src/api/api.ts';
import { encodeCursor } from '../../src/api/cursor.ts';
import { noBody, type Route } from '../../src/api/route.ts';
import { routes } from '../../src/api/routes.ts';
import { problemView } from '../../src/api/views/common.ts';
import { type ApiFixture, addressOf, requestTo, startApi } from './api.fixture.ts';

const posts = routes.filter(({ body }) => body !== noBody);
const gets = routes.filter(({ method, role }) => method === 'GET' && role !== null);

describe('bad input', () => {
  let fixture: ApiFixture;
  let api: ReturnType<ApiFixture['instance']>;
  let token: string;

  before(async () => {
    fixture = await startApi();
    api = fixture.instance();
    token = fixture.token('local-operator');
  });

  after(() => fixture.close());

  /** Sends what must be refused; returns the fields that are named. */
  async function refused(request: Request, status = 400): Promise<string[]> {
    const before = fixture.server.meter.snapshot();
    const response = await api(request);
    const text = await response.text();
    assert.equal(response.status, status, text);
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    const { writes, deletes } = fixture.server.meter.diff(before);
    assert.deepEqual({ writes, deletes }, { writes: 0, deletes: 0 });
    assert.equal(fixture.events.messages.length + fixture.requests.messages.length, 0);
    return (problemView.parse(JSON.parse(text)).errors ?? []).map(({ field }) => field);
  }

  const withQuery = (route: Route, name: string, value: string) => {
    const [path, query = ''] = addressOf(route).split('?');
    const search = new URLSearchParams(query);
    search.set(name, value);
    return `${path}?${search}`;
  };

  for (const route of gets) {
    it(`${route.path}: a parameter that is not known, or given twice`, async () => {
      assert.deepEqual(await refused(requestTo(withQuery(route, 'nonsense', '1'), token)), ['nonsense']);
      const [name] = Object.keys(route.query.shape);
      if (name === undefined) return;
      const path = addressOf(route).split('?')[0];
      assert.deepEqual(await refused(requestTo(`${path}?${name}=a&${name}=b`, token)), [name]);
    });

    for (const name of ['cursor', 'since', 'status', 'type', 'state', 'range', 'format'] as const) {
      if (!(name in route.query.shape)) continue;
      it(`${route.path}: a ${name} that is none`, async () => {
        const values = ['', '%', '-1', 'x'.repeat(5_000), encodeCursor({ at: 'x' }), encodeCursor([]), '\u0000', '1e9'];
        values.push(
          '9'.repeat(15),
          encodeCursor({ at: 1e300, id: 'x' }),
          encodeCursor({ at: 1, name: '', id: '\ud800' }),
        );
        for (const value of values) {
          assert.deepEqual(await refused(requestTo(withQuery(route, name, value), token)), [name], value);
        }
      });
    }
  }

  it('a range of measures that is missing', async () => {
    assert.deepEqual(await refused(requestTo('/api/measures', token)), ['range']);
  });

  it('an id that is too long, also only as the id of a document', async () => {
    for (const route of routes.filter(({ path }) => path.includes('{id}'))) {
      for (const id of ['x'.repeat(2_000), encodeURIComponent('é'.repeat(500))]) {
        assert.deepEqual(await refused(requestTo(route.path.replace('{id}', id), token)), ['id'], route.path);
      }
    }
  });

  it('an id in a body that no document can have', async () => {
    for (const id of ['\ud800', 'é'.repeat(500)]) {
      for (const [name, field] of [
        ['acknowledge-alerts', 'keys'],
        ['drop-dead-letters', 'ids'],
      ]) {
        const body = { reason: 'r', input: { [field ?? '']: [id] } };
        assert.deepEqual(await refused(requestTo(`/api/operations/${name}`, token, body)), [`input.${field}[0]`]);
      }
    }
    for (const jobId of ['..', '__x__', 'a/b', '\ud800', 'x'.repeat(2_000)]) {
      const body = { reason: 'r', input: { jobId } };
      const path = '/api/operations/cancel-reconciliation';
      assert.deepEqual(await refused(requestTo(path, token, body)), ['input.jobId'], jobId);
    }
  });

  for (const route of posts) {
    it(`${route.path}: a body without its fields, with others, or with something else in them`, async () => {
      const isPreview = route.path.endsWith('/preview');
      const fieldsOf = async (body: unknown) => refused(requestTo(route.path, token, body));
      assert.ok((await fieldsOf({ reason: 'r', input: {}, extra: 1 })).includes('extra'));
      if (!isPreview) {
        assert.ok((await fieldsOf({ input: {} })).includes('reason'));
        assert.ok((await fieldsOf({ input: {}, reason: '   ' })).includes('reason'));
        assert.ok((await fieldsOf({ input: {}, reason: 'r'.repeat(501) })).includes('reason'));
        assert.ok((await fieldsOf({ input: {}, reason: 'r', confirm: '11' })).includes('confirm'));
      }
      for (const input of [undefined, null, 1, 'x', [], { nonsense: 1 }]) {
        const fields = await fieldsOf({ reason: 'r', input });
        assert.ok(
          fields.some((field) => field.startsWith('input')),
          `${JSON.stringify(input)}: ${fields.join()}`,
        );
      }
      for (const body of ['1', '[]', '"x"', 'null']) assert.deepEqual(await fieldsOf(body), ['body'], body);
      assert.deepEqual(await fieldsOf('{"reason":'), ['body']);
    });
  }

  it('a body that is too large, or is not JSON by its type', async () => {
    const path = '/api/operations/pause';
    await refused(requestTo(path, token, { reason: 'x'.repeat(maxBodyBytes) }), 413);
    const form = new Request(`http://localhost${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'reason=r',
    });
    await refused(form, 415);
  });

  it('a body whose lists lie within each other thousands of times, also of a call that may be repeated', async () => {
    const depth = 50_000;
    const body = `{"reason":"r","input":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    for (const key of [{}, { 'idempotency-key': 'k' }]) {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...key };
      const request = new Request('http://localhost/api/operations/pause', { method: 'POST', headers, body });
      assert.deepEqual(await refused(request), ['input']);
    }
  });

  it('a key of a repeated call that is none', async () => {
    const body = { reason: 'r', input: { what: 'relay' } };
    const withKey = requestTo('/api/operations/pause', token, body, { 'idempotency-key': 'k'.repeat(201) });
    assert.deepEqual(await refused(withKey), ['Idempotency-Key']);
  });

  it('a route that there is not, and a method that it does not take', async () => {
    for (const path of ['/api', '/api/', '/api/nonsense', '/api/operations/nonsense', '/api/now/', '/api/jobs/a/b']) {
      await refused(requestTo(path, token), 404);
    }
    const response = await api(requestTo('/api/now', token, {}));
    assert.equal(response.status, 405);
    assert.equal(response.headers.get('allow'), 'GET, HEAD');
    assert.equal((await api(requestTo('/api/operations/pause', token))).headers.get('allow'), 'POST');
  });

  it('anything at all: refused by name or answered, and never a failure of ours', async function () {
    this.timeout(60_000);
    const json = fc.jsonValue({ maxDepth: 3 });
    const body = fc.oneof(
      json,
      fc.record({ input: json, reason: fc.oneof(fc.string(), json) }, { requiredKeys: [] }),
      fc.record({ input: fc.dictionary(fc.constantFrom('what', 'mode', 'all', 'ids', 'projectIds', 'keys'), json) }),
    );
    const query = fc.dictionary(
      fc.oneof(fc.constantFrom('cursor', 'since', 'status', 'type', 'search', 'actor', 'projectId'), fc.string()),
      fc.oneof(fc.string({ unit: 'binary' }), json.map(encodeCursor)),
      { maxKeys: 3 },
    );
    const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 }).filter((text) => !/^\.{1,2}$/.test(text));
    await fc.assert(
      fc.asyncProperty(fc.nat(routes.length - 1), id, query, body, async (index, text, search, sent) => {
        const route = routes[index];
        assert.ok(route);
        const path = route.path.replace('{id}', encodeURIComponent(text.toWellFormed()));
        const parameters = new URLSearchParams();
        for (const [name, value] of Object.entries(search)) parameters.set(name.toWellFormed(), value.toWellFormed());
        const address = `${path}?${parameters}`;
        const before = fixture.server.meter.snapshot();
        const response = await api(requestTo(address, token, route.body === noBody ? undefined : sent));
        const answer = await response.text();
        assert.ok(response.status < 500, answer);
        if (response.status >= 400) {
          const { writes, deletes } = fixture.server.meter.diff(before);
          assert.deepEqual({ writes, deletes }, { writes: 0, deletes: 0 });
          const { errors = [] } = problemView.parse(JSON.parse(answer));
          if (response.status === 400)
            assert.ok(errors.length > 0 && errors.every(({ field }) => field !== ''), answer);
        }
      }),
      { numRuns: 500 },
    );
  });
});
