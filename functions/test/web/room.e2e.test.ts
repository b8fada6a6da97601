// The page in a real browser on the whole local stack: every action from the click to Firestore, and who may not.
// Attacks "no action without its trace" (I12) and "each role sees and does exactly its part" from where people sit.
import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import type { Browser, Page } from 'playwright-core';
import { requireChromium } from '../../local/browser/findChromium.ts';
import { launchChromium } from '../../local/browser/launchChromium.ts';
import { unsignedIdToken } from '../../local/servers/auth/idToken.ts';
import { type RoomStack, startRoomStack } from './roomStack.ts';

/** What happens in other processes and is polled for, at most, in ms. */
const longestMs = 15_000;

type Account = 'viewer' | 'operator' | 'somebody without a role';

describe('the operations room', function () {
  this.timeout(90_000);
  let room: RoomStack;
  let browser: Browser;
  let page: Page;

  before(async () => {
    const executable = requireChromium(process.env);
    [room, browser] = await Promise.all([startRoomStack(), launchChromium(executable)]);
  });
  after(async () => {
    await browser?.close();
    await room?.close();
  });

  async function door(): Promise<Page> {
    const context = await browser.newContext();
    context.setDefaultTimeout(longestMs);
    const fresh = await context.newPage();
    await fresh.goto(room.url);
    return fresh;
  }

  async function enter(account: Account): Promise<Page> {
    const fresh = await door();
    await fresh.getByRole('button', { name: `Sign in as ${account}` }).click();
    if (account !== 'somebody without a role') await fresh.getByRole('heading', { name: 'Now' }).waitFor();
    return fresh;
  }

  const goTo = (hash: string) => page.goto(`${room.url}/${hash}`);

  interface Wish {
    readonly button: string;
    readonly confirm: string;
    readonly choose?: Readonly<Record<string, string>>;
    readonly fill?: Readonly<Record<string, string>>;
    readonly number?: string;
  }

  /** From a click over the preview to the outcome; returns its text. */
  async function decide({ button, confirm, choose = {}, fill = {}, number }: Wish): Promise<string> {
    await page.getByRole('button', { name: button, exact: true }).first().click();
    const dialog = page.getByRole('dialog');
    for (const [label, value] of Object.entries(choose)) await dialog.getByLabel(label).selectOption(value);
    for (const [label, value] of Object.entries(fill)) await dialog.getByLabel(label).fill(value);
    await dialog.getByLabel('Reason').fill(`test: ${button}`);
    await dialog.getByRole('button', { name: 'Preview' }).click();
    await dialog.getByTestId('preview').waitFor();
    if (number !== undefined) await dialog.getByLabel(`Type ${number} to confirm`).fill(number);
    await dialog.getByRole('button', { name: confirm, exact: true }).click();
    const outcome = dialog.getByTestId('outcome');
    await outcome.waitFor();
    const text = await outcome.innerText();
    await dialog.getByRole('button', { name: 'Close' }).click();
    return text;
  }

  /** The newest entry of the audit is of this action, by the operator, for this reason. */
  async function traced(action: string, button: string): Promise<void> {
    const newest = await room.firestore.collection('syncAudit').orderBy('sequence', 'desc').limit(1).get();
    const entry = newest.docs[0];
    const seen = ['action', 'reason', 'actor', 'via'].map((name) => entry?.get(name));
    assert.deepEqual(seen, [action, `test: ${button}`, 'operator@example.com', 'api']);
  }

  describe('at the door', () => {
    it('lets a viewer in, and shows the role', async () => {
      const viewer = await enter('viewer');
      assert.match(await viewer.locator('.person').innerText(), /viewer@example\.com\s+viewer/);
      assert.equal(await viewer.getByRole('button', { name: 'Pause…' }).count(), 0);
      await viewer.context().close();
    });

    it('refuses somebody without a role, and says who grants one', async () => {
      const stranger = await enter('somebody without a role');
      const text = await stranger.getByRole('alert').innerText();
      assert.match(text, /run roles/);
      assert.equal(await stranger.getByRole('navigation').count(), 0);
      await stranger.context().close();
    });

    const seconds = () => Math.floor(Date.now() / 1_000);
    const times = (ageSeconds: number) => ({
      authTime: seconds() - ageSeconds,
      issuedAt: seconds() - ageSeconds,
      expiresAt: seconds() - ageSeconds + 3_600,
    });
    const forged: Readonly<Record<string, () => string>> = {
      'an expired token': () => unsignedIdToken(room.projectId, room.user('operator@example.com'), times(7_200)),
      "another project's token": () => unsignedIdToken('demo-other', room.user('operator@example.com'), times(0)),
      'no token of Firebase': () => 'Bearer',
    };
    for (const [what, token] of Object.entries(forged)) {
      it(`refuses ${what}`, async () => {
        const fresh = await door();
        await fresh
          .context()
          .route('**/api/**', (route) =>
            route.continue({ headers: { ...route.request().headers(), authorization: `Bearer ${token()}` } }),
          );
        await fresh.getByRole('button', { name: 'Sign in as operator' }).click();
        assert.match(await fresh.getByRole('alert').innerText(), /Sign in again/);
        assert.equal(await fresh.getByRole('navigation').count(), 0);
        await fresh.context().close();
      });
    }

    it('sends whoever was revoked back to the door at the next decision, and nothing is changed', async () => {
      const revoked = await enter('operator');
      const { uid } = room.user('operator@example.com');
      await revoked.getByRole('button', { name: 'Pause…' }).click();
      await revoked.getByLabel('Reason').fill('too late');
      await revoked.getByRole('button', { name: 'Preview' }).click();
      await revoked.getByTestId('preview').waitFor();
      room.users.change(uid, { disabled: true });
      try {
        await revoked.getByRole('button', { name: 'Pause', exact: true }).click();
        await revoked.getByText('Your sign-in has ended').waitFor();
      } finally {
        room.users.change(uid, { disabled: false });
      }
      assert.deepEqual((await room.firestore.doc('syncControl/state').get()).get('paused') ?? [], []);
      await revoked.context().close();
    });

    it("refuses a viewer's token where something would change, whatever page sends it", async () => {
      const token = unsignedIdToken(room.projectId, room.user('viewer@example.com'), times(0));
      for (const operation of room.operations) {
        const response = await fetch(`${room.url}/api/operations/${operation}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ input: {}, reason: 'because' }),
        });
        assert.equal(response.status, 403, operation);
      }
    });
  });

  describe('an operator', () => {
    before(async () => {
      page = await enter('operator');
    });

    it('pauses and resumes deletions, and others see it within 5 s', async () => {
      const other = await enter('viewer');
      await goTo('#/now');
      await decide({ button: 'Pause…', confirm: 'Pause', choose: { What: 'deletions' } });
      await traced('pause', 'Pause…');
      const paused = async () => (await room.firestore.doc('syncControl/state').get()).get('paused');
      assert.equal((await paused())[0]?.what, 'deletions');
      await other.getByText('Paused: deletions').waitFor({ timeout: 5_000 });
      await decide({ button: 'Resume deletions…', confirm: 'Resume deletions' });
      await traced('resume', 'Resume deletions…');
      assert.deepEqual(await paused(), []);
      await other.getByText('Paused: deletions').waitFor({ state: 'detached', timeout: 5_000 });
      await other.context().close();
    });

    it('redrives a dead letter, and drops another one', async () => {
      await goTo('#/dead-letters');
      await room.publish('this is <b>no</b> event');
      await page.getByRole('row').filter({ hasText: 'open' }).first().getByRole('link').click();
      await page.getByText('this is <b>no</b> event').first().waitFor();
      const letters = () => room.firestore.collection('syncFailures').get();
      const [letter] = (await letters()).docs;
      assert.match(await decide({ button: 'Redrive…', confirm: 'Redrive 1 dead letter' }), /1 redriven/);
      await traced('redrive', 'Redrive…');
      await room.until('the letter to be redriven and given up again', async () => {
        const again = await letter?.ref.get();
        return again?.get('status') === 'dead' && Number(again.get('times')) > 1;
      });
      assert.match(await decide({ button: 'Drop…', confirm: 'Drop 1 dead letter' }), /1 dropped/);
      await traced('drop-dead-letters', 'Drop…');
      assert.equal((await letter?.ref.get())?.get('status'), 'dropped');
    });

    it('releases one held deletion, and discards all others', async () => {
      const ids = await room.projectsWithAssets(14, 'doomed');
      await room.projects.deleteMany({ name: 'doomed' });
      await room.until('each deletion to be carried out or held', async () => {
        const left = await Promise.all(ids.map(room.assetsOf));
        const waiting = (await room.held()).length;
        return waiting > 0 && left.filter((assets) => assets > 0).length === waiting;
      });
      const held = await room.held();
      assert.ok(held.length > 11, `${held.length} held`);
      await goTo(`#/projects/${held[0]}`);
      await decide({ button: 'Release…', confirm: 'Release 1 hold' });
      await traced('release-holds', 'Release…');
      await room.until('its assets to go', async () => (await room.assetsOf(String(held[0]))) === 0);
      await goTo('#/holds');
      await page.getByRole('table', { name: 'Holds' }).waitFor();
      const number = String(held.length - 1);
      await decide({ button: 'Discard all…', confirm: 'Discard all holds', number });
      await traced('discard-holds', 'Discard all…');
      await page.getByText('Nothing is held').waitFor();
      for (const id of held.slice(1)) assert.equal(await room.assetsOf(id), 1, id);
    });

    it('brings one project in step', async () => {
      const [id = ''] = await room.projectsWithAssets(1, 'First light');
      await room.firestore.doc(`storyboards/${id}`).update({ projectName: 'torn' });
      await goTo(`#/projects/${id}`);
      await page.getByRole('heading', { name: 'First light' }).waitFor();
      await decide({ button: 'Sync now…', confirm: 'Sync now' });
      await traced('reconcile', 'Sync now…');
      await room.until('the copy to be repaired', async () => {
        return (await room.firestore.doc(`storyboards/${id}`).get()).get('projectName') === 'First light';
      });
    });

    it('starts a reconciliation, and finds its job', async () => {
      await goTo('#/jobs');
      await decide({ button: 'Reconcile…', confirm: 'Reconcile' });
      await traced('reconcile', 'Reconcile…');
      await page.getByLabel('Type').selectOption('reconciliation');
      await page
        .locator('tr[data-row]')
        .filter({ hasText: 'operator@example.com' })
        .filter({ hasText: 'done' })
        .first()
        .getByRole('link')
        .first()
        .click();
      await page.getByRole('heading', { name: /^Job / }).waitFor();
    });

    it('finds a project by its name, whatever it is called', async () => {
      const name = `<img src=x onerror="window.pwned=1">${new ObjectId()}`;
      const [id = ''] = await room.projectsWithAssets(1, name);
      await goTo('#/projects');
      await page.getByLabel('Id or beginning of the name').fill(name);
      await page.getByRole('link', { name: id }).click();
      await page.getByRole('heading', { name }).waitFor();
      assert.equal(await page.evaluate('typeof window.pwned'), 'undefined');
    });

    it('verifies, reads the report, and saves it', async () => {
      await goTo('#/integrity');
      await decide({ button: 'Verify…', confirm: 'Verify' });
      await traced('verify', 'Verify…');
      await page
        .locator('tr[data-row]')
        .filter({ hasText: 'verification' })
        .filter({ hasText: 'operator@example.com' })
        .first()
        .getByRole('link')
        .click();
      await page.getByRole('table', { name: 'In step by collection' }).waitFor();
      for (const format of ['JSON', 'CSV', 'HTML']) {
        const saved = page.waitForEvent('download');
        await page.getByRole('button', { name: `Save as ${format}` }).click();
        assert.match((await saved).suggestedFilename(), new RegExp(`\\.${format.toLowerCase()}$`));
      }
    });

    it('cancels a reconciliation', async () => {
      const jobs = room.firestore.collection('syncJobs');
      const [done] = (await jobs.where('type', '==', 'reconciliation').where('status', '==', 'done').get()).docs;
      // One that has stopped between two pages, as it is while its function is started anew.
      await jobs.doc('reconciliation-under-way').set({ ...done?.data(), status: 'running', finishedAt: null });
      await goTo('#/jobs/reconciliation-under-way');
      await decide({ button: 'Cancel…', confirm: 'Cancel the job' });
      await traced('cancel-reconciliation', 'Cancel…');
      assert.equal((await jobs.doc('reconciliation-under-way').get()).get('status'), 'cancelled');
      await page.locator('main .facts').getByText('cancelled').waitFor();
    });

    it('rewinds the relay', async () => {
      await goTo('#/now');
      const minuteAgo = await page.evaluate(`(() => {
        const at = new Date(Date.now() - 60_000);
        return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
      })()`);
      await decide({ button: 'Rewind…', confirm: 'Rewind the relay', fill: { 'Back to': String(minuteAgo) } });
      await traced('rewind', 'Rewind…');
    });

    it('asks what a deletion would touch, and nothing is written', async () => {
      const [id = ''] = await room.projectsWithAssets(1, 'Second light');
      const size = async () => (await room.firestore.collection('syncAudit').count().get()).data().count;
      const before = await size();
      await goTo(`#/projects/${id}`);
      await page.getByRole('button', { name: 'What if…' }).click();
      await page.getByRole('button', { name: 'Preview' }).click();
      await page.getByTestId('preview').getByText('storyboards').first().waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
      assert.equal(await room.assetsOf(id), 1);
      assert.equal(await size(), before);
    });

    it('acknowledges an alert, and closes it', async () => {
      await goTo('#/alerts?state=open');
      await page.locator('tr[data-row]').first().getByRole('link').click();
      await decide({ button: 'Acknowledge…', confirm: 'Acknowledge 1 alert' });
      await traced('acknowledge-alerts', 'Acknowledge…');
      await page.locator('section.card h2').getByText('acknowledged').waitFor();
      await decide({ button: 'Close…', confirm: 'Close 1 alert' });
      await traced('close-alerts', 'Close…');
    });

    it('finds every one of these decisions in the audit, verified, and exports them', async () => {
      await goTo('#/audit');
      await page.getByText('verified').first().waitFor();
      await page.getByLabel('Action').fill('pause');
      await page.getByRole('table', { name: 'Audit' }).getByText('pause').first().waitFor();
      const saved = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Export' }).click();
      await saved;
    });

    it('is answered "unchanged" while nothing changes, and shows what it knew', async () => {
      const unchanged = page.waitForResponse(
        (response) => response.url().endsWith('/api/holds') && response.status() === 304,
      );
      await goTo('#/holds');
      await unchanged;
      await page.getByText('Nothing is held').waitFor();
    });
  });
});
