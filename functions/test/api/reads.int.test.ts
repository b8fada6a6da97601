// What the page costs, by the meter of the local Firestore: attacks "a first view costs at most 60 reads, and every
// further poll at most 10". Assets are not seeded: nothing that is polled reads or counts them, except one project's,
// of which the counts are kept for half a minute.
import assert from 'node:assert/strict';
import { writeAll } from '../../local/demo/writeAll.ts';
import { hourMs, minuteMs, secondMs } from '../../src/clock.ts';
import { type ApiFixture, requestTo, startApi } from './api.fixture.ts';
import {
  alertDocument,
  deadLetterDocument,
  jobDocument,
  measureDocuments,
  projectDocument,
  projectOf,
  relayDocument,
  runDocument,
} from './records.fixture.ts';

const projects = 10_000;
const firstViewReads = 60;
const pollReads = 10;

/** How often the page asks, in ms. */
const pollEveryMs = 3_500;
const pollsInARow = 2;

describe('reads of the page, in an installation with 10,000 projects', () => {
  let fixture: ApiFixture;
  let token: string;

  before(async function () {
    this.timeout(120_000);
    fixture = await startApi();
    token = fixture.token('local-viewer');
    const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
    await writeAll(fixture.firestore, [
      ...numbers(projects).map((number) => projectDocument(number)),
      ...numbers(1_000).map((number) => jobDocument(number)),
      ...numbers(300).map((number) => jobDocument(5_000 + number, { status: 'running', finishedAt: null })),
      ...numbers(300).map((number) => jobDocument(6_000 + number, { status: 'held', finishedAt: null })),
      ...numbers(300).map((number) => deadLetterDocument(number)),
      ...numbers(100).map((number) => alertDocument(number)),
      ...numbers(40).map(runDocument),
      relayDocument(fixture.clock.now()),
      ...measureDocuments(fixture.clock.now()),
    ]);
  });

  after(() => fixture.close());

  /** The reads of one round of a screen: what it asks for at once. */
  async function readsOf(api: ReturnType<ApiFixture['instance']>, paths: readonly string[]): Promise<number> {
    const before = fixture.server.meter.snapshot();
    const answers = await Promise.all(paths.map((path) => api(requestTo(path, token))));
    for (const answer of answers) assert.equal(answer.status, 200, await answer.text());
    return fixture.server.meter.diff(before).reads;
  }

  const project = `/api/projects/${projectOf(5_000)}`;
  /** A screen and what it asks for in one round; what follows `|` is another round of the same screen. */
  const screens: Readonly<Record<string, readonly string[]>> = {
    'Now, the last hour': ['/api/now', '/api/measures?range=hour'],
    'Now, the last day': ['/api/now', '/api/measures?range=day'],
    'Now, the last month': ['/api/now', '/api/measures?range=month'],
    Jobs: ['/api/jobs'],
    'Jobs that failed': ['/api/jobs?status=failed'],
    'Jobs at work': ['/api/jobs?status=running&type=update'],
    'Dead letters': ['/api/dead-letters'],
    Holds: ['/api/holds'],
    Integrity: ['/api/reports'],
    Alerts: ['/api/alerts?state=open'],
    Audit: ['/api/audit'],
    Projects: ['/api/projects'],
    'Search by name': ['/api/projects?search=project%201'],
    'Search by id': [`/api/projects?search=${projectOf(5_000)}`],
    'A project': [project],
    'The events of a project': [`${project}/events`],
    'One job': [`/api/jobs/run-1`],
  };

  it('the first view: now, the measures of an hour and the first page of jobs', async () => {
    const reads = await readsOf(fixture.instance(), ['/api/now', '/api/measures?range=hour', '/api/jobs']);
    console.log(`      ${reads} reads`);
    assert.ok(reads <= firstViewReads, `${reads} reads`);
  });

  for (const [screen, paths] of Object.entries(screens)) {
    it(`${screen}: each further poll, over an hour and its turn`, async function () {
      this.timeout(30_000);
      const api = fixture.instance();
      const first = await readsOf(api, paths);
      assert.ok(first <= firstViewReads, `the first costs ${first}`);
      const start = fixture.clock.now();
      let most = 0;
      // Every moment at which something is read again is met: a few polls around each minute.
      while (fixture.clock.now() < start + hourMs + 2 * minuteMs) {
        if (paths.length === 1) fixture.clock.advance(20 * minuteMs);
        for (let poll = 0; poll < pollsInARow; poll += 1) {
          fixture.clock.advance(pollEveryMs);
          most = Math.max(most, await readsOf(api, paths));
        }
        fixture.clock.advance(minuteMs - pollsInARow * pollEveryMs);
      }
      console.log(`      ${first} reads, then at most ${most}`);
      assert.ok(most <= pollReads, `a poll cost ${most} reads`);
    });
  }

  it('several people who look at the same moment cost what one costs', async () => {
    const api = fixture.instance();
    const one = await readsOf(api, ['/api/now']);
    fixture.clock.advance(secondMs * 4);
    const many = await readsOf(
      api,
      Array.from({ length: 20 }, () => '/api/now'),
    );
    assert.ok(many <= one, `${many} reads`);
  });
});
