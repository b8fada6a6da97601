import { type Browser, chromium } from 'playwright-core';

/** Starts Chromium without a window. In a container there is neither a sandbox nor much shared memory, and nothing here
 *  loads a page that is not the project's own. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    headless: true,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-gpu'],
  });
}
