import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { requireChromium } from '../../local/browser/findChromium.ts';
import { launchChromium } from '../../local/browser/launchChromium.ts';
import { buildPage } from '../../local/buildPage.ts';
import { type HostingServer, startHostingServer } from '../../local/servers/hosting/server.ts';
import { type FakeApi, serveFakeApi } from './fakeApi.ts';
import { serveFakeSignIn } from './fakeSignIn.ts';

/** The built page on a fake API, in one browser for a whole file of tests. */
export interface PageLab {
  readonly browser: Browser;
  readonly hosting: HostingServer;
  /** Opens the page as somebody with a role, signed in; what the page complains of is thrown when the lab closes. */
  enter(role: 'viewer' | 'operator', hash?: string, options?: BrowserContextOptions): Promise<Entered>;
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
  const hosting = await startHostingServer({
    projectId: 'demo-lockstep',
    authEmulatorUrl: 'http://127.0.0.1:9099',
    functionUrl: () => 'http://127.0.0.1:9',
  });
  const browser = await launchChromium(executable);
  return {
    browser,
    hosting,
    async enter(role, hash = '', options = {}) {
      const context = await browser.newContext(options);
      const api = await serveFakeApi(context, role);
      await serveFakeSignIn(context);
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      await page.goto(`${hosting.url}/${hash}`);
      await page.getByRole('button', { name: `Sign in as ${role}` }).click();
      await page.getByRole('navigation', { name: 'Screens' }).waitFor();
      return { page, api, complaints };
    },
    async close() {
      await browser.close();
      await hosting.close();
    },
  };
}
