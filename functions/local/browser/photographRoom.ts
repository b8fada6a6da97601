import { findChromium } from './findChromium.ts';
import { launchChromium } from './launchChromium.ts';

/** How long the page may take until it shows what the API answers, in ms. */
const patienceMs = 30_000;

const viewport = { width: 1_280, height: 1_000 };

/** Signs in as an operator of a local stack and writes what the first screen shows to a PNG file.
 *  @returns false when there is no browser on this machine */
export async function photographRoom(url: string, file: string): Promise<boolean> {
  const executable = findChromium(process.env);
  if (executable === undefined) return false;
  const browser = await launchChromium(executable);
  try {
    const page = await browser.newPage({ viewport });
    page.setDefaultTimeout(patienceMs);
    await page.goto(url);
    await page.getByRole('button', { name: 'Sign in as operator' }).click();
    await page.locator('.verdict').waitFor();
    await page.locator('.plot canvas').first().waitFor();
    await page.screenshot({ path: file });
    return true;
  } finally {
    await browser.close();
  }
}
