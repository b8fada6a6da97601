// `npm run pictures`: the two pictures of the page in docs/, from made-up records, so that they are the same every
// time.
import { join } from 'node:path';
import * as fake from './fakeViews.ts';
import { startPageLab } from './pageUnderTest.ts';

const docs = join(import.meta.dirname, '..', '..', 'docs');

const lab = await startPageLab();
try {
  for (const colorScheme of ['light', 'dark'] as const) {
    const viewport = { width: 1_200, height: 860 };
    const { page } = await lab.enter('operator', '', { colorScheme, viewport, timezoneId: 'UTC', locale: 'en-GB' });
    await page.clock.setFixedTime(fake.now().at);
    await page.reload();
    await page.locator('.plot canvas').first().waitFor();
    await page.evaluate('document.activeElement.blur()');
    await page.screenshot({ path: join(docs, `page-${colorScheme}.png`), animations: 'disabled' });
    await page.context().close();
    console.log(`wrote docs/page-${colorScheme}.png`);
  }
} finally {
  await lab.close();
}
