// The README names the test that holds each guarantee: those tests have to be there.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const functionsDir = join(import.meta.dirname, '..', '..');
const readme = readFileSync(join(functionsDir, '..', 'README.md'), 'utf8');

/** `test/x.test.ts` "a title", "another": a file, and titles in it. */
const citation = /`((?:test|bench)\/[^`]+\.ts)`((?:,? "[^"]+")*)/g;

describe('README', () => {
  const citations = [...readme.matchAll(citation)].map(([, file = '', titles = '']) => ({
    file,
    titles: [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title),
  }));

  it('names tests for its guarantees', () => {
    assert.ok(citations.filter(({ titles }) => titles.length > 0).length > 15);
  });

  for (const { file, titles } of citations) {
    it(`finds ${file} with ${titles.length === 0 ? 'no title' : titles.join('; ')}`, () => {
      assert.ok(existsSync(join(functionsDir, file)), file);
      const text = readFileSync(join(functionsDir, file), 'utf8');
      for (const title of titles) assert.ok(text.includes(title), `${file} has no test "${title}"`);
    });
  }
});
