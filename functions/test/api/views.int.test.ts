// What the API answers, from records as the engines write them.
import assert from 'node:assert/strict';
import { z } from 'zod';
import type { SeedDocument } from '../../local/demo/seedData.ts';
import { writeAll } from '../../local/demo/writeAll.ts';
import { encodeCursor } from '../../src/api/cursor.ts';
import { auditView } from '../../src/api/views/audit.ts';
import { pageOf } from '../../src/api/views/common.ts';
import { deadLettersView, holdsView } from '../../src/api/views/decisions.ts';
import { jobsView } from '../../src/api/views/jobs.ts';
import { nowView } from '../../src/api/views/now.ts';
import { outcomeView, previewView } from '../../src/api/views/operations.ts';
import { projectsView, projectView } from '../../src/api/views/projects.ts';
import { createTransact } from '../../src/operations/transact.ts';
import { type ApiFixture, requestTo, startApi } from './api.fixture.ts';
import {
  alertDocument,
  deadLetterDocument,
  jobDocument,
  measureDocuments,
  projectDocument,
  projectOf,
  relayDocument,
} from './records.fixture.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('views', () => {
  let fixture: ApiFixture;
  let api: ReturnType<ApiFixture['instance']>;
  let viewer: string;
  let operator: string;

  beforeEach(async () => {
    fixture = await startApi();
    api = fixture.instance();
    viewer = fixture.token('local-viewer');
    operator = fixture.token('local-operator');
  });

  afterEach(() => fixture.close());

  async function get(path: string): Promise<unknown> {
    const response = await api(requestTo(path, viewer));
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text);
  }

  /** Every item of a list, page by page. */
  async function all(path: string): Promise<unknown[]> {
    const items: unknown[] = [];
    let next: string | null = null;
    do {
      const separator = path.includes('?') ? '&' : '?';
      const page = pageOf(z.unknown()).parse(
        await get(next === null ? path : `${path}${separator}cursor=${encodeURIComponent(next)}`),
      );
      items.push(...page.items);
      next = page.next;
    } while (next !== null);
    return items;
  }

  it('lists come page by page, each item once, the newest first', async () => {
    const sameTime = { startedAt: 1_700_000_000_000 };
    await writeAll(fixture.firestore, [
      ...numbers(120).map((number) => jobDocument(number, number < 60 ? sameTime : {})),
      ...numbers(70).map((number) => deadLetterDocument(number)),
      ...numbers(70).map((number) => alertDocument(number, number % 2 === 0 ? { state: 'closed' } : {})),
      ...numbers(130).map((number) => projectDocument(number)),
    ]);
    const expected: Readonly<Record<string, number>> = {
      '/api/jobs': 120,
      '/api/jobs?status=done&type=update': 120,
      '/api/jobs?status=failed': 0,
      [`/api/jobs?projectId=${projectOf(3)}`]: 1,
      '/api/dead-letters': 70,
      '/api/dead-letters?status=open': 70,
      '/api/dead-letters?status=redriven': 0,
      '/api/alerts': 70,
      '/api/alerts?state=open': 35,
      '/api/projects': 130,
      '/api/projects?search=PROJECT%2012': 11,
    };
    for (const [path, count] of Object.entries(expected)) {
      const items = await all(path);
      assert.equal(new Set(items.map((item) => JSON.stringify(item))).size, count, path);
      assert.equal(items.length, count, path);
    }
    const times = jobsView.parse(await get('/api/jobs')).items.map(({ startedAt }) => startedAt);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => b - a),
    );
    const since = times[3] ?? 0;
    assert.equal((await all(`/api/jobs?since=${since}`)).length, 4);
  });

  it('a project is found by the beginning of its id and of its name, whatever the case', async () => {
    await writeAll(fixture.firestore, [projectDocument(1, 'Äpfel & Birnen'), projectDocument(2, 'Zebra <b>')]);
    const found = async (search: string) =>
      projectsView.parse(await get(`/api/projects?search=${encodeURIComponent(search)}`)).items.map(({ id }) => id);
    assert.deepEqual(await found('äPFEL'), [projectOf(1)]);
    assert.deepEqual(await found('zebra <'), [projectOf(2)]);
    assert.deepEqual(await found(projectOf(2)), [projectOf(2)]);
    assert.deepEqual(await found(projectOf(2).slice(0, 10)), [projectOf(1), projectOf(2)]);
    assert.deepEqual(await found('pfel'), []);
    // As the id of a document it has nine bytes a character, and no document has an id of more than 1,500.
    for (const length of [165, 166, 167, 200]) assert.deepEqual(await found('漢'.repeat(length)), []);
    await writeAll(fixture.firestore, [projectDocument(3, '漢'.repeat(180))]);
    assert.deepEqual(await found('漢'.repeat(170)), [projectOf(3)]);
  });

  it('a project: its state, where its assets are, its newest jobs; one without a record but with assets', async () => {
    const [known, unknown] = [projectOf(1), 'no/record'];
    await writeAll(fixture.firestore, [
      projectDocument(1, 'Known'),
      jobDocument(1),
      ['storyboards/a', { projectId: known }],
      ['storyboards/b', { projectId: known }],
      ['prototypes/c', { meta: { projectId: unknown } }],
    ]);
    const view = projectView.parse(await get(`/api/projects/${known}`));
    assert.deepEqual([view.name, view.state, view.inStep, view.jobs.length], ['Known', 'live', true, 1]);
    assert.equal(view.collections.find(({ name }) => name === 'storyboards')?.assets, 2);
    const other = projectView.parse(await get(`/api/projects/${encodeURIComponent(unknown)}`));
    assert.deepEqual([other.id, other.state], [unknown, 'unknown']);
    assert.equal((await api(requestTo('/api/projects/nobody', viewer))).status, 404);
  });

  it('a record that cannot be read is shown with its problem, and its neighbours as they are', async () => {
    await writeAll(fixture.firestore, [
      jobDocument(1),
      jobDocument(3, { status: 'held', finishedAt: null }),
      ['syncJobs/broken', { ...jobDocument(2)[1], type: 'nonsense' }],
      ['syncJobs/hold', { ...jobDocument(4, { status: 'held' })[1], event: '{' }],
      deadLetterDocument(1),
      ['syncFailures/broken', { ...deadLetterDocument(2)[1], payload: 'x' }],
      projectDocument(1),
      [`syncProjects/${projectOf(2)}`, { ...projectDocument(2)[1], desired: null }],
    ]);
    const jobs = jobsView.parse(await get('/api/jobs')).items;
    assert.deepEqual(jobs.find(({ id }) => id === 'broken')?.status, 'failed');
    assert.match(jobs.find(({ id }) => id === 'broken')?.errors.join() ?? '', /syncJobs\/broken cannot be read/);
    assert.equal(jobs.length, 4);
    const holds = holdsView.parse(await get('/api/holds')).items;
    assert.deepEqual(holds.map(({ status }) => status).sort(), ['held', 'unreadable']);
    const letters = deadLettersView.parse(await get('/api/dead-letters')).items;
    assert.deepEqual(letters.map(({ reason }) => reason).sort(), ['attempts', 'unreadable-record']);
    const projects = projectsView.parse(await get('/api/projects')).items;
    assert.deepEqual(
      projects.map(({ state }) => state),
      ['live', 'unknown'],
    );
  });

  it('a record whose id is of no text, as people write them, is shown like any other', async () => {
    const [, alert] = alertDocument(1);
    const [, job] = jobDocument(1, { status: 'running', finishedAt: null });
    await writeAll(fixture.firestore, [
      ['syncJobs/50%', job],
      ['syncProjects/50%', projectDocument(1)[1]],
      ['syncFailures/50%', deadLetterDocument(1)[1]],
      ['syncAlerts/50%', { ...alert, state: 'open', count: 'many' }],
      ['syncEvents/50%', { projectId: 'p', receivedAt: new Date() }],
    ]);
    for (const list of ['jobs', 'projects', 'dead-letters', 'alerts', 'projects/p/events']) {
      assert.equal((await all(`/api/${list}`)).length, 1, list);
    }
    assert.equal(nowView.parse(await get('/api/now')).openAlerts[0]?.key, '50%');
  });

  it('a job is at 100 % when it is done, and not before', async () => {
    const restored = (status: string, processed: number, total: number | null): SeedDocument => {
      const [path, { percent: _percent, ...job }] = jobDocument(processed);
      return [path, { ...job, type: 'restore', status, processed, total }];
    };
    await writeAll(fixture.firestore, [
      restored('running', 1_999, 2_000),
      restored('running', 0, 0),
      restored('pending', 1, null),
      restored('failed', 3, 2),
      restored('done', 4, 5),
    ]);
    const shown = jobsView.parse(await get('/api/jobs')).items;
    assert.deepEqual(
      new Map(shown.map(({ processed, percent }) => [processed, percent])),
      new Map<number, number | null>([
        [0, 0],
        [1, null],
        [3, 99],
        [4, 100],
        [1_999, 99],
      ]),
    );
  });

  it('now: in step, and the sentence says what is not', async () => {
    const now = async () => {
      fixture.clock.advance(5_000);
      return nowView.parse(await get('/api/now'));
    };
    assert.match((await now()).summary, /never run/);
    await writeAll(fixture.firestore, [relayDocument(fixture.clock.now()), ...measureDocuments(fixture.clock.now())]);
    const calm = await now();
    assert.deepEqual([calm.inStep, calm.relay.state, calm.targets.length], [true, 'running', 4]);
    // Its message is redelivered: there is nothing to decide, and nobody says when it has got through.
    await writeAll(fixture.firestore, [deadLetterDocument(2, { status: 'failing' })]);
    assert.equal((await now()).inStep, true);
    await writeAll(fixture.firestore, [deadLetterDocument(1)]);
    assert.match((await now()).summary, /1 dead letter to be decided/);
    const body = { input: { what: 'relay' }, reason: 'maintenance' };
    assert.equal((await api(requestTo('/api/operations/pause', operator, body))).status, 200);
    const paused = await now();
    assert.deepEqual([paused.inStep, paused.relay.state], [false, 'paused']);
    assert.match(paused.summary, /Paused: the relay by operator@example.com/);
    fixture.clock.advance(3_600_000);
    await api(requestTo('/api/operations/resume', operator, body));
    assert.equal((await now()).relay.state, 'stopped');
  });

  it('now: the relay is as the worst of its shards', async () => {
    const at = fixture.clock.now();
    const shard = (number: number, lagMs: number, heldForMs: number): SeedDocument => {
      const [path, data] = relayDocument(at);
      const lease = { holder: `relay-${number}`, fencing: 1, expiresAt: at + heldForMs };
      const clusterTime = { seconds: Math.floor(at / 1_000) - number, increment: 1 };
      const status = { lagMs, inFlight: 0 };
      return [number === 1 ? path : `${path}$${number}`, { ...data, clusterTime, lease, shards: 3, status }];
    };
    await writeAll(fixture.firestore, [shard(1, 10, 60_000), shard(2, 20, 60_000), shard(3, 30, 60_000)]);
    const all = nowView.parse(await get('/api/now'));
    assert.equal(all.relay.state, 'running');
    assert.deepEqual(
      all.relay.shards.map(({ shard: number, lagMs }) => [number, lagMs]),
      [
        [1, 10],
        [2, 20],
        [3, 30],
      ],
    );
    assert.equal(all.relay.place, (Math.floor(at / 1_000) - 3) * 1_000);
    await writeAll(fixture.firestore, [shard(2, 20, 0)]);
    fixture.clock.advance(5_000);
    const one = nowView.parse(await get('/api/now'));
    assert.equal(one.relay.state, 'stopped');
    assert.match(one.summary, /No relay follows shard 2 of 3/);
  });

  it('a poll with the ETag of what it has gets 304, until something changes; HEAD has the tag too', async () => {
    await writeAll(fixture.firestore, [jobDocument(1)]);
    const first = await api(requestTo('/api/jobs', viewer));
    const etag = first.headers.get('etag') ?? '';
    const again = (tag: string) => api(requestTo('/api/jobs', viewer, undefined, { 'if-none-match': tag }));
    const unchanged = await again(etag);
    assert.deepEqual([unchanged.status, await unchanged.text(), unchanged.headers.get('etag')], [304, '', etag]);
    assert.equal((await again(`"other", ${etag.replace('W/', '')}`)).status, 304);
    const request = new Request(requestTo('/api/jobs', viewer), { method: 'HEAD' });
    assert.equal((await api(request)).headers.get('etag'), etag);
    await writeAll(fixture.firestore, [jobDocument(2)]);
    assert.equal((await again(etag)).status, 200);
  });

  it('every answer keeps browsers from running, framing or sharing it', async () => {
    for (const path of ['/api/health', '/api/now', '/api/nonsense', '/api/jobs?x=1']) {
      const { headers } = await api(requestTo(path, viewer));
      assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'/);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.equal(headers.get('x-frame-options'), 'DENY');
      assert.match(headers.get('cache-control') ?? '', /private|no-store/);
      assert.equal(headers.has('set-cookie'), false);
      assert.equal(headers.has('access-control-allow-origin'), false);
    }
  });

  it('the audit: filtered, exported, and a changed entry is named', async () => {
    const dependencies = {
      firestore: fixture.firestore,
      clock: fixture.clock,
      publisherTo: async () => fixture.events,
    };
    const act = (actor: string, number: number) =>
      createTransact(dependencies, {
        actor: { name: actor, role: 'operator', via: 'api' },
        action: 'pause',
        reason: `reason ${number}`,
      })(async (_transaction, trace) => {
        trace.record({ target: `target ${number % 2}`, before: null, after: { number }, result: 'done' });
      });
    for (const number of numbers(30)) {
      fixture.clock.advance(1_000);
      await act(number < 20 ? 'eva@example.com' : 'tom@example.com', number);
    }
    const page = async (query = '') => auditView.parse(await get(`/api/audit${query}`));
    const whole = await page();
    assert.deepEqual([whole.items[0]?.sequence, whole.verifiedTo, whole.problem], [30, 30, null]);
    assert.equal((await all('/api/audit')).length, 30);
    assert.equal((await all('/api/audit?actor=tom%40example.com')).length, 10);
    assert.equal((await all('/api/audit?actor=tom%40example.com&target=target%201')).length, 5);
    const since = whole.items[4]?.at ?? 0;
    const lines = (await (await api(requestTo(`/api/audit/export?since=${since}`, viewer))).text()).trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).sequence),
      [26, 27, 28, 29, 30],
    );
    await act('eva@example.com', 30);
    assert.equal((await page()).verifiedTo, 31);
    await fixture.firestore.doc('syncAudit/000000000029').update({ reason: 'another' });
    const changed = await page();
    assert.equal(changed.verifiedTo, null);
    assert.match(changed.problem ?? '', /entry 29 was changed/);
    await fixture.firestore.doc('syncAudit/000000000029').delete();
    api = fixture.instance();
    assert.match((await page()).problem ?? '', /entry 29/);
  });

  it('an operation: preview, confirmation, outcome, once for the same key', async () => {
    await writeAll(
      fixture.firestore,
      numbers(12).map((number) => deadLetterDocument(number)),
    );
    const input = { all: true };
    const post = (path: string, body: object, key?: string) =>
      api(requestTo(`/api/operations/${path}`, operator, body, key === undefined ? {} : { 'idempotency-key': key }));
    const preview = previewView.parse(await (await post('drop-dead-letters/preview', { input })).json());
    assert.deepEqual([preview.count, preview.needsConfirmation], [12, true]);
    const refused = await post('drop-dead-letters', { input, reason: 'old' });
    assert.equal(refused.status, 409);
    assert.match(await refused.text(), /"field":"confirm","problem":"expected 12"/);
    const body = { input, reason: 'old', confirm: 12 };
    const done = await post('drop-dead-letters', body, 'key-1');
    const outcome = outcomeView.parse(await done.json());
    assert.equal(outcome.count, 12);
    assert.deepEqual(await (await post('drop-dead-letters', body, 'key-1')).json(), outcome);
    assert.equal((await post('drop-dead-letters', { ...body, reason: 'new' }, 'key-1')).status, 409);
    assert.equal(outcomeView.parse(await (await post('drop-dead-letters', body)).json()).count, 0);
    const [entry] = auditView.parse(await get('/api/audit')).items;
    assert.deepEqual([entry?.actor, entry?.via, entry?.reason], ['operator@example.com', 'api', 'old']);
  });

  it('a cursor of another list is refused by name', async () => {
    const cursor = encodeCursor({ at: 1, id: 'x' });
    assert.equal((await api(requestTo(`/api/audit?cursor=${cursor}`, viewer))).status, 400);
    assert.equal((await api(requestTo(`/api/projects?cursor=${cursor}`, viewer))).status, 400);
  });
});
