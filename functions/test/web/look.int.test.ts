// The page in a real browser, on a fake API: attacks "WCAG AA in light and dark", "usable at 360 px", "10,000 jobs stay
// fast", "keyboard only" and "nothing that a strict policy refuses".
import assert from 'node:assert/strict';
import { violationsOf } from './axe.ts';
import { job } from './fakeViews.ts';
import { type PageLab, startPageLab } from './pageUnderTest.ts';
import { screens } from './screens.ts';

/** Rows that a table may hold in the document, however long the list is. */
const mostRows = 300;

/** How long drawing a list of 10,000 anew may keep the browser busy, in ms, on a slow and shared machine. */
const longestDraw = 500;

describe('the look of the page', function () {
  this.timeout(60_000);
  let lab: PageLab;
  before(async () => {
    lab = await startPageLab();
  });
  after(() => lab.close());

  it('is accessible on every screen, in light and in dark', async () => {
    const { page, complaints } = await lab.enter('operator', '#/now', { colorScheme: 'light' });
    for (const screen of screens) {
      await lab.go(page, screen);
      await page.emulateMedia({ colorScheme: 'light' });
      assert.deepEqual(await violationsOf(page), [], `${screen} in light`);
      await page.emulateMedia({ colorScheme: 'dark' });
      assert.deepEqual(await violationsOf(page, ['color-contrast']), [], `${screen} in dark`);
    }
    assert.deepEqual(complaints, []);
    await page.context().close();
  });

  it('is accessible at the door and in a dialog, in light and in dark', async () => {
    const { page } = await lab.enter('operator', '#/now', { colorScheme: 'dark' });
    await page.getByRole('button', { name: 'Pause…' }).click();
    await page.getByRole('dialog', { name: 'Pause' }).waitFor();
    assert.deepEqual(await violationsOf(page), []);
    await page.emulateMedia({ colorScheme: 'light' });
    assert.deepEqual(await violationsOf(page, ['color-contrast']), []);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in as viewer' }).waitFor();
    assert.deepEqual(await violationsOf(page), []);
    await page.context().close();
  });

  it('keeps a theme that was chosen over the one of the system', async () => {
    const { page } = await lab.enter('viewer', '#/jobs', { colorScheme: 'light' });
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await background();
    await page.getByLabel('Theme').selectOption('dark');
    const dark = await background();
    assert.notEqual(dark, light);
    await page.reload();
    await page.getByRole('heading', { name: 'Jobs' }).waitFor();
    assert.equal(await background(), dark);
    await page.context().close();
  });

  it('needs no horizontal scrolling at 360 px, on any screen and in a dialog', async () => {
    const { page } = await lab.enter('operator', '#/now', { viewport: { width: 360, height: 740 } });
    const width = () => page.evaluate('document.documentElement.scrollWidth');
    for (const screen of screens) {
      await lab.go(page, screen);
      assert.equal(await width(), 360, screen);
      const cut = await page.evaluate(`[...document.querySelectorAll('button, a, input, select')]
        .filter((element) => element.checkVisibility() && !element.closest('td') && element.getBoundingClientRect().right > 361)
        .map((element) => element.outerHTML.slice(0, 80))`);
      assert.deepEqual(cut, [], screen);
    }
    await lab.go(page, '#/integrity');
    await page.getByRole('button', { name: 'Go on past the brake…' }).first().click();
    const dialog = await page.getByRole('dialog').boundingBox();
    assert.ok(dialog && dialog.x >= 0 && dialog.x + dialog.width <= 360, JSON.stringify(dialog));
    const tallest = await page.evaluate(
      'Math.max(...[...document.querySelectorAll("dialog label")].map((label) => label.clientHeight))',
    );
    assert.ok(Number(tallest) < 60, `a label is ${tallest} px high`);
    await page.context().close();
  });

  it('shows 10,000 jobs page by page, and holds only those near the view', async () => {
    const { page, api } = await lab.enter('viewer', '#/now');
    const [total, perPage] = [10_000, 500];
    api.views['/jobs'] = (query) => {
      const from = Number(query.get('cursor') ?? 0);
      const next = from + perPage;
      return {
        items: Array.from({ length: perPage }, (_, index) => job(from + index)),
        next: next < total ? String(next) : null,
      };
    };
    await lab.go(page, '#/jobs');
    const loaded = page.locator('.foot span');
    for (let wanted = 2 * perPage; wanted <= total; wanted += perPage) {
      await page.evaluate('scrollTo(0, document.body.scrollHeight)');
      await page.getByText(`${wanted.toLocaleString('en')} loaded`).waitFor();
    }
    assert.equal(await loaded.textContent(), '10,000 loaded, that is all');
    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    await page
      .getByRole('link', { name: job(total - 1).id })
      .first()
      .waitFor();
    const rows = await page.locator('tbody tr').count();
    assert.ok(rows < mostRows, `${rows} rows`);
    assert.equal(await page.locator('tr[data-row]').last().getAttribute('aria-rowindex'), String(total + 1));
    // Drawing everything anew, as every poll may.
    const busyMs = Number(
      await page.evaluate(`new Promise((resolve) => {
        const startedAt = performance.now();
        scrollTo(0, document.body.scrollHeight / 2);
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - startedAt)));
      })`),
    );
    assert.ok(busyMs < longestDraw, `${busyMs} ms`);
    await page.context().close();
  });

  it('is used by the keyboard alone: door, skip link, dialog, and the focus comes back', async () => {
    const { page, api } = await lab.enter('operator', '#/now', {}, 'keyboard');
    api.operations['pause/preview'] = () => ({
      status: 200,
      body: {
        count: 0,
        what: 'projects wait',
        details: [{ name: 'events waiting', value: 3 }],
        needsConfirmation: false,
      },
    });
    api.operations.pause = () => ({
      status: 200,
      body: { result: 'the relay is paused', count: 1, sequence: 7, jobId: null },
    });
    await page.getByRole('heading', { name: 'Now' }).waitFor();
    const focused = () => page.evaluate('document.activeElement.textContent');
    // It takes the focus a frame after it is drawn.
    const untilFocused = (id: string) => page.locator(`[data-testid=${id}]:focus`).waitFor();
    for (let tabs = 0; tabs < 20 && (await focused()) !== 'Skip to the content'; tabs += 1) {
      await page.keyboard.press('Shift+Tab');
    }
    assert.equal(await focused(), 'Skip to the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'Pause…');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    // What, collection, reason.
    for (const _ of ['what', 'collection']) await page.keyboard.press('Tab');
    await page.keyboard.type('an import runs');
    await page.keyboard.press('Enter');
    await untilFocused('preview');
    assert.match(String(await focused()), /projects wait/);
    // Back, then the effect.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await untilFocused('outcome');
    assert.match(String(await focused()), /the relay is paused/);
    assert.deepEqual(
      api.asked.map(({ path, body }) => [path, body]),
      ['/operations/pause/preview', '/operations/pause'].map((path) => [
        path,
        { input: { what: 'relay' }, reason: 'an import runs' },
      ]),
    );
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await focused(), 'Pause…');
    await page.context().close();
  });
});
