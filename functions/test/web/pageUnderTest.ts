import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { requireChromium } from '../../local/browser/findChromium.ts';
import { launchChromium } from '../../local/browser/launchChromium.ts';
import { buildPage, pageDir } from '../../local/buildPage.ts';
import { readHosting } from '../../local/servers/page/hosting.ts';
import { type PageServer, startPageServer } from '../../local/servers/page/server.ts';
import { type FakeApi, serveFakeApi } from './fakeApi.ts';

/** The built page on a fake API, in one browser for a whole file of tests. */
export interface PageLab {
  readonly browser: Browser;
  readonly server: PageServer;
  /** Opens the page as somebody with a role, signed in; what the page complains of is thrown when the lab closes. */
  enter(
    role: 'viewer' | 'operator',
    hash?: string,
    options?: BrowserContextOptions,
    by?: 'mouse' | 'keyboard',
  ): Promise<Entered>;
  /** Goes to a screen, and waits until it shows what the API answered. */
  go(page: Page, hash: string): Promise<void>;
  close(): Promise<void>;
}

export interface Entered {
  readonly page: Page;
  readonly api: FakeApi;
  /** Errors of scripts, and what the content security policy refused. */
  readonly complaints: string[];
}

export async function startPageLab(): Promise<PageLab> {
  const executable = requireChromium(process.env);
  await buildPage();
  const server = await startPageServer({
    port: 0,
    projectId: 'demo-lockstep',
    hosting: readHosting(join(pageDir, '..', '..', '..')),
    api: () => undefined,
  });
  const browser = await launchChromium(executable);
  return {
    browser,
    server,
    async enter(role, hash = '', options = {}, by = 'mouse') {
      const context = await browser.newContext(options);
      const api = await serveFakeApi(context, role);
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      await page.goto(`${server.url}/${hash}`);
      const name = `Sign in as ${role}`;
      const door = page.getByRole('button', { name });
      if (by === 'mouse') await door.click();
      else {
        await door.waitFor();
        for (let tabs = 0; tabs < 5 && (await page.evaluate(focused)) !== name; tabs += 1)
          await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
      }
      await page.getByRole('navigation', { name: 'Screens' }).waitFor();
      return { page, api, complaints };
    },
    async go(page, hash) {
      // The heading of the screen before is not the one to wait for.
      await page.evaluate('document.querySelector("main h1").dataset.before = "yes"');
      if (page.url() === `${server.url}/${hash}`) await page.reload();
      else await page.goto(`${server.url}/${hash}`);
      await page.locator('main h1:not([data-before])').waitFor();
      await page.locator('.loading').first().waitFor({ state: 'detached' });
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

const focused = 'document.activeElement.textContent';
