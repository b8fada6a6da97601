// The page in a real browser, on a fake API: attacks "a viewer sees no controls", "XSS through names, actors, errors
// and ids", "every list says when it is empty", "errors say what to do next", "changes of others appear within 5 s" and
// "a mass decision asks for the number".
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import * as fake from './fakeViews.ts';
import { type PageLab, startPageLab } from './pageUnderTest.ts';
import { screens } from './screens.ts';

/** How soon what others do has to be seen, in ms. */
const promisedMs = 5_000;

/** What an attacker calls a project, a person or an error. */
const evil = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>"'javascript:window.pwned=1`;

const preview = (count: number) => ({
  count,
  what: 'dead letters would be redriven',
  details: [{ name: 'projects', value: 12 }],
  needsConfirmation: count > 10,
});

describe('the behaviour of the page', function () {
  this.timeout(60_000);
  let lab: PageLab;
  before(async () => {
    lab = await startPageLab();
  });
  after(() => lab.close());

  const operations = (page: Page) =>
    page.evaluate('[...document.querySelectorAll("[data-operation]")].map((element) => element.dataset.operation)');

  it('shows a viewer no control that changes anything, on any screen', async () => {
    const { page } = await lab.enter('viewer');
    for (const screen of screens) {
      await lab.go(page, screen);
      assert.deepEqual(await operations(page), screen.startsWith('#/projects/') ? ['what-if'] : [], screen);
      assert.equal(await page.locator('main input[type=checkbox]').count(), 0, screen);
    }
    await page.context().close();
  });

  const offered: Readonly<Record<string, readonly string[]>> = {
    '#/now': ['pause', 'rewind', 'resume'],
    '#/projects/66f0c0ffee00000000000001': [...['reconcile', 'what-if', 'restore', 'release-holds', 'discard-holds']],
    '#/jobs': ['reconcile'],
    '#/jobs/reconcile-1': ['cancel-reconciliation'],
    '#/dead-letters': ['redrive', 'drop-dead-letters', 'redrive', 'drop-dead-letters'],
    '#/dead-letters/dead-1': ['redrive', 'drop-dead-letters'],
    '#/holds': ['release-holds', 'discard-holds', 'release-holds', 'discard-holds'],
    '#/integrity': ['verify', 'reconcile', 'reconcile'],
    '#/alerts': ['acknowledge-alerts', 'close-alerts'],
    '#/alerts/drift-found-1': ['acknowledge-alerts', 'close-alerts', 'acknowledge-alerts', 'close-alerts'],
  };
  it('offers an operator what each screen is for', async () => {
    const { page } = await lab.enter('operator');
    for (const [screen, names] of Object.entries(offered)) {
      await lab.go(page, screen);
      assert.deepEqual(await operations(page), names, screen);
    }
    await page.context().close();
  });

  it('restores what is archived, also into another project, after it has said how much', async () => {
    const { page, api } = await lab.enter('operator', '#/projects/66f0c0ffee00000000000001');
    await page.getByText(/2.440 documents are archived/).waitFor();
    api.operations['restore/preview'] = () => ({
      status: 200,
      body: { count: 2_440, what: 'archived documents', details: [], needsConfirmation: true },
    });
    api.operations.restore = () => ({
      status: 200,
      body: { result: 'restore asked for', count: 1, sequence: 7, jobId: 'restore-1' },
    });
    await page.getByRole('button', { name: 'Restore…' }).click();
    await page.getByLabel('Into another project').fill('66f0c0ffee00000000000002');
    await page.getByLabel('Reason').fill('deleted by mistake');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByLabel('Type 2440 to confirm').or(page.getByLabel('Type 2,440 to confirm')).fill('2440');
    await page.getByRole('button', { name: 'Restore', exact: true }).click();
    await page.getByText('restore asked for').waitFor();
    assert.deepEqual(api.asked.at(-1)?.body, {
      input: { projectId: '66f0c0ffee00000000000001', to: '66f0c0ffee00000000000002' },
      confirm: 2_440,
      reason: 'deleted by mistake',
    });
    Object.assign(api.views, {
      '/projects/66f0c0ffee00000000000001': () => ({
        ...fake.project('66f0c0ffee00000000000001', 'X'),
        archived: null,
      }),
    });
    await lab.go(page, '#/now');
    await lab.go(page, '#/projects/66f0c0ffee00000000000001');
    assert.equal(await page.getByRole('button', { name: 'Restore…' }).count(), 0);
    await page.context().close();
  });

  it('shows whatever records hold as text', async () => {
    const { page, api, complaints } = await lab.enter('operator');
    const id = `../${evil}`;
    const project = { ...fake.project(id, evil), fields: { [evil]: evil }, collections: [{ name: evil, assets: 1 }] };
    const entry = fake.auditEntry(2, {
      actor: evil,
      action: evil,
      target: evil,
      reason: evil,
      result: evil,
      after: evil,
    });
    const alert = fake.alert(1, { key: evil, alarm: evil, message: evil, hint: evil, fields: { [evil]: evil } });
    Object.assign(api.views, {
      '/now': () => ({
        ...fake.now(),
        summary: evil,
        openAlerts: [alert],
        hasMoreAlerts: false,
        paused: [{ what: evil, by: evil, reason: evil, since: 1 }],
      }),
      '/projects': () => ({ items: [project], next: null }),
      [`/projects/${id}`]: () => project,
      [`/projects/${id}/events`]: () => ({
        items: [fake.event(1, { actor: evil, type: evil, origin: evil })],
        next: null,
      }),
      '/jobs': () => ({ items: [fake.job(1, { id, projectId: id, initiator: evil, reason: evil })], next: null }),
      [`/jobs/${id}`]: () => fake.job(1, { id, projectId: id, initiator: evil, reason: evil, errors: [evil] }),
      '/dead-letters/dead-1': () =>
        fake.deadLetter(1, { error: evil, message: evil, reason: evil, projectId: id, attributes: { [evil]: evil } }),
      '/holds': () => ({ items: [fake.hold(1, { actor: evil, problem: evil, projectId: id })], next: null }),
      '/reports/reconcile-0': () =>
        fake.report(0, {
          initiator: evil,
          brake: { kind: evil, saw: evil, goOn: evil, allow: { shrink: true } },
          findings: { [evil]: 1 },
        }),
      '/audit': () => ({ items: [entry], next: null, verifiedTo: null, problem: evil }),
      '/alerts': () => ({ items: [alert], next: null }),
    });
    const places = [
      '#/now',
      '#/projects',
      `#/projects/${encodeURIComponent(id)}`,
      '#/jobs',
      `#/jobs/${encodeURIComponent(id)}`,
      '#/dead-letters/dead-1',
      '#/holds',
      '#/integrity/reconcile-0',
      '#/audit/2',
      `#/alerts/${encodeURIComponent(evil)}`,
    ];
    for (const place of places) {
      await lab.go(page, place);
      await page.getByText('window.pwned').first().waitFor();
      assert.equal(await page.locator('main img, main script, main [onerror]').count(), 0, place);
      assert.equal(await page.locator('main a:not([href^="#/"])').count(), 0, place);
    }
    const refused = {
      type: 'about:blank',
      title: evil,
      status: 400,
      detail: evil,
      errors: [{ field: evil, problem: evil }],
    };
    api.operations['pause/preview'] = () => ({ status: 400, body: refused });
    await lab.go(page, '#/now');
    await page.getByRole('button', { name: 'Pause…' }).click();
    await page.getByLabel('Reason').fill(evil);
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByRole('alert').waitFor();
    assert.equal(await page.evaluate('typeof window.pwned'), 'undefined');
    assert.deepEqual(
      complaints.filter((text) => !text.includes('status of 400')),
      [],
    );
    await page.context().close();
  });

  it('shows a copied list as its entries, and of a long one the first', async () => {
    const { page, api } = await lab.enter('viewer');
    const id = 'with-members';
    const members = Array.from({ length: 25 }, (_, index) => ({ name: `Member ${index + 1}`, role: 'editor' }));
    api.views[`/projects/${id}`] = () => ({ ...fake.project(id, 'n'), fields: { members, tags: [] } });
    await lab.go(page, `#/projects/${id}`);
    const shown = await page.locator('section[aria-labelledby="copies"]').innerText();
    assert.match(shown, /Member 1, role: editor\s+Member 2, role: editor/);
    assert.match(shown, /Member 20, role: editor\s+and 5 more\s+tags\s+empty/);
    await page.context().close();
  });

  const lists = ['/projects', '/jobs', '/dead-letters', '/holds', '/reports', '/audit', '/alerts'];
  it('says of every empty list what its emptiness means', async () => {
    const { page, api } = await lab.enter('viewer');
    for (const list of lists) {
      api.views[list] = () => ({ items: [], next: null, verifiedTo: 0, problem: null });
      await lab.go(page, list === '/reports' ? '#/integrity' : `#${list}`);
      const text = await page.locator('.empty').innerText();
      assert.ok(text.length > 40, `${list}: ${text}`);
    }
    await page.context().close();
  });

  const problems = [
    { status: 403, next: 'roles' },
    { status: 404, next: 'Go back to the list' },
    { status: 429, next: 'Wait' },
    { status: 500, next: 'log of the function' },
  ];
  for (const { status, next } of problems) {
    it(`says what to do when the API answers ${status}`, async () => {
      const { page } = await lab.enter('viewer', '#/holds');
      await page
        .context()
        .route('**/api/jobs*', (route) =>
          route.fulfill({ status, json: { type: 'about:blank', title: 'No', status, detail: 'Because.' } }),
        );
      await lab.go(page, '#/jobs');
      const text = await page.getByRole('alert').innerText();
      assert.ok(text.includes('Because.') && text.includes(next), text);
      await page.context().close();
    });
  }

  it('says so when the API is unreachable, keeps what it knew, and goes on by itself', async () => {
    const { page } = await lab.enter('viewer', '#/jobs');
    await page.clock.install();
    await page.getByRole('table', { name: 'Jobs' }).waitFor();
    await page.context().route('**/api/jobs*', (route) => route.abort());
    await lab.go(page, '#/holds');
    await lab.go(page, '#/jobs');
    await page.getByText('The API cannot be reached').waitFor();
    await page.context().unroute('**/api/jobs*');
    await page.clock.fastForward(promisedMs);
    await page.getByRole('table', { name: 'Jobs' }).waitFor();
    await page.getByText('The API cannot be reached').waitFor({ state: 'detached' });
    await page.context().close();
  });

  it('tells who decides while the API is unreachable to try again, and does it then', async () => {
    const { page, api } = await lab.enter('operator', '#/holds');
    const answer = { result: '1 released', count: 1, sequence: 42, jobId: null };
    api.operations['release-holds/preview'] = () => ({ status: 200, body: preview(1) });
    api.operations['release-holds'] = () => ({ status: 200, body: answer });
    await page.getByRole('button', { name: 'Release all…' }).click();
    await page.getByLabel('Reason').fill('they were meant');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.context().route('**/api/operations/release-holds', (route) => route.abort());
    const act = page.getByRole('dialog').getByRole('button', { name: 'Release all holds' });
    await act.click();
    const notice = page.getByRole('dialog').getByRole('alert');
    assert.match(await notice.innerText(), /cannot be reached.*try anything else again/s);
    await page.context().unroute('**/api/operations/release-holds');
    await act.click();
    await page.getByTestId('outcome').waitFor();
    await page.context().close();
  });

  it('asks once for a page that fails, and again when the list was read again', async () => {
    const { page, api } = await lab.enter('viewer');
    await page.clock.install();
    api.views['/jobs'] = (query) => ({
      items: [fake.job(query.has('cursor') ? 2 : 1)],
      next: query.has('cursor') ? null : 'behind the first',
    });
    let asked = 0;
    await page.context().route('**/api/jobs?cursor=*', (route) => {
      asked += 1;
      return asked > 1 ? route.fallback() : route.fulfill({ status: 503, json: { title: 'No more for now' } });
    });
    await lab.go(page, '#/jobs');
    await page.getByText('No more for now').waitFor();
    // The end of the list is in view all the time, and is looked at once a frame.
    for (let frame = 0; frame < 30; frame += 1) await page.evaluate('new Promise(requestAnimationFrame)');
    assert.equal(asked, 1);
    await page.clock.fastForward(promisedMs);
    await page.getByText('2 loaded, that is all').waitFor();
    assert.equal(asked, 2);
    await page.context().close();
  });

  it('leaves the address alone when a filter ends in a blank', async () => {
    const { page } = await lab.enter('operator', '#/jobs');
    await page.clock.install();
    const filter = page.getByLabel('Project id');
    const search = async (text: string) => {
      await filter.pressSequentially(text);
      await page.clock.runFor(2_000);
    };
    await search('summer');
    assert.equal(new URL(page.url()).hash, '#/jobs?projectId=summer');
    await page.evaluate('globalThis.moves = 0; addEventListener("hashchange", () => (globalThis.moves += 1))');
    await search(' ');
    await page.clock.runFor(2_000);
    assert.deepEqual([await page.evaluate('globalThis.moves'), await filter.inputValue()], [0, 'summer ']);
    await page.context().close();
  });

  it('shows what others do within 5 s, and asks for nothing while nobody looks', async () => {
    const { page, api } = await lab.enter('viewer', '#/holds');
    await page.clock.install();
    await lab.go(page, '#/dead-letters');
    api.views['/dead-letters'] = () => ({ items: [fake.deadLetter(9)], next: null });
    await page.clock.fastForward(promisedMs);
    await page.getByRole('link', { name: fake.deadLetter(9).projectId ?? '' }).waitFor();
    assert.ok(api.read.filter((path) => path.startsWith('/holds')).length <= 1, 'only the visible screen is asked for');

    await page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: true })`);
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    await page.clock.fastForward(promisedMs);
    const before = api.read.length;
    await page.clock.fastForward(60_000);
    assert.equal(api.read.length, before);
    await page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: false })`);
    const asked = page.waitForRequest('**/api/dead-letters');
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    await asked;
    await page.context().close();
  });

  it('shows local time, with UTC on hover', async () => {
    const { page } = await lab.enter('viewer', '#/audit', { timezoneId: 'Asia/Tokyo', locale: 'en-GB' });
    await lab.go(page, '#/audit/2');
    const time = page.locator('main time').first();
    assert.equal(await time.getAttribute('title'), '2026-11-27 09:28:00 UTC');
    assert.match(await time.innerText(), /18:28:00/);
    await page.context().close();
  });

  it('asks to type the number for more than ten, and sends it', async () => {
    const { page, api } = await lab.enter('operator', '#/dead-letters');
    api.operations['redrive/preview'] = () => ({ status: 200, body: preview(137) });
    api.operations.redrive = () => ({
      status: 200,
      body: { result: '137 dead letters were redriven', count: 137, sequence: 42, jobId: 'reconcile-1' },
    });
    await page.getByRole('button', { name: 'Redrive all…' }).click();
    await page.getByLabel('Reason').fill('the rules were repaired');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByTestId('preview').waitFor();
    const act = page.getByRole('button', { name: 'Redrive all dead letters' });
    assert.equal(await act.isDisabled(), true);
    await page.getByLabel('Type 137 to confirm').fill('13');
    assert.equal(await act.isDisabled(), true);
    await page.getByLabel('Type 137 to confirm').fill('137');
    await act.click();
    const outcome = page.getByTestId('outcome');
    await outcome.waitFor();
    assert.deepEqual(api.asked.at(-1), {
      path: '/operations/redrive',
      body: { input: { all: true }, reason: 'the rules were repaired', confirm: 137 },
    });
    assert.equal(
      await outcome.getByRole('link', { name: 'Follow the job' }).getAttribute('href'),
      '#/jobs/reconcile-1',
    );
    await outcome.getByRole('link', { name: 'Audit entry 42' }).click();
    await page.getByRole('heading', { name: 'Audit', exact: true }).waitFor();
    await page.context().close();
  });

  it('names the fields that the API refuses, and previews again after a change', async () => {
    const { page, api } = await lab.enter('operator', '#/integrity');
    const errors = [{ field: 'input.collections[0]', problem: 'there is no collection "storybords"' }];
    api.operations['verify/preview'] = () => ({
      status: 400,
      body: { type: 'about:blank', title: 'Bad input', status: 400, detail: 'Refused.', errors },
    });
    await page.getByRole('button', { name: 'Verify…' }).click();
    await page.getByLabel('Collections').fill('storybords');
    await page.getByLabel('Reason').fill('before a deployment');
    await page.getByRole('button', { name: 'Preview' }).click();
    const text = await page.getByRole('alert').innerText();
    assert.ok(text.includes('input.collections[0]') && text.includes('Nothing was changed'), text);
    assert.deepEqual(api.asked[0]?.body, {
      input: { collections: ['storybords'], samples: 20 },
      reason: 'before a deployment',
    });
    api.operations['verify/preview'] = () => ({ status: 200, body: preview(3) });
    await page.getByLabel('Collections').fill('storyboards');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByTestId('preview').waitFor();
    await page.context().close();
  });

  it('goes on past a brake with what the report says would have let it pass', async () => {
    const { page, api } = await lab.enter('operator', '#/integrity');
    api.operations['reconcile/preview'] = () => ({ status: 200, body: preview(1) });
    api.operations.reconcile = () => ({
      status: 200,
      body: { result: 'asked for', count: 1, sequence: 8, jobId: 'reconcile-1' },
    });
    await page.getByRole('button', { name: 'Go on past the brake…' }).first().click();
    await page.getByLabel('Allow orphans').fill('20');
    await page.getByLabel('Allow phantoms').fill('3');
    await page.getByLabel('Reason').fill('an archive was removed on purpose');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByRole('button', { name: 'Go on past the brake', exact: true }).click();
    await page.getByTestId('outcome').waitFor();
    assert.deepEqual(api.asked.at(-1)?.body, {
      input: { mode: 'clean', phantoms: true, allow: { orphans: 20, phantoms: 3, shrink: true } },
      reason: 'an archive was removed on purpose',
    });
    await page.context().close();
  });

  it('lets a viewer ask what a deletion would touch, and changes nothing', async () => {
    const { page, api } = await lab.enter('viewer');
    await lab.go(page, '#/projects/66f0c0ffee00000000000001');
    api.operations['what-if/preview'] = () => ({
      status: 200,
      body: { ...preview(1), what: 'project would lose 2,478 assets' },
    });
    await page.getByRole('button', { name: 'What if…' }).click();
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByTestId('preview').getByText('2,478 assets').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    assert.deepEqual(
      api.asked.map(({ path }) => path),
      ['/operations/what-if/preview'],
    );
    await page.context().close();
  });
});
