// The built page: attacks "under 120 kB", "the Auth library is loaded beside the page" and "nothing inline that a
// strict policy refuses".
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildPage, pageDir } from '../../local/buildPage.ts';
import { readHosting } from '../../local/servers/page/hosting.ts';

/** All that a browser loads before somebody signs in and after, without the Auth library; gzipped, in bytes. */
const budget = 120_000;

const webDir = join(pageDir, '..');
const hosting = readHosting(join(webDir, '..', '..'));
const isAuthLibrary = (file: string) => file.includes('firebaseIdentity');

describe('the page', () => {
  before(buildPage);

  it('is smaller than 120 kB gzipped, without the Auth library', () => {
    const files = globSync('**/*.{html,js,css,svg}', { cwd: pageDir });
    assert.equal(files.filter(isAuthLibrary).length, 1, 'the Auth library is one file of its own');
    const sizes = files.filter((file) => !isAuthLibrary(file)).map((file) => gzipSync(read(pageDir, file)).length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(total > 20_000 && total < budget, `${total} bytes`);
  });

  it('brings neither zod nor a framework', () => {
    const scripts = globSync('assets/main-*.js', { cwd: pageDir }).map((file) => read(pageDir, file).toString());
    assert.equal(scripts.length, 1);
    assert.ok(!scripts[0]?.includes('ZodError'));
  });

  it('has no script and no style in its markup, as its policy asks', () => {
    const html = read(pageDir, 'index.html').toString();
    assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|https?:/);
    const policy = hosting.headersOf('/index.html')['Content-Security-Policy'] ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*;|script-src[^;]*(data:|blob:|https:\/\/\*)/);
  });

  it('never makes markup from text', () => {
    for (const file of globSync('src/**/*.{ts,tsx}', { cwd: webDir })) {
      assert.doesNotMatch(
        read(webDir, file).toString(),
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|javascript:/i,
        file,
      );
    }
  });

  it('may be kept by browsers for ever where its name carries a hash, and nowhere else', () => {
    assert.match(hosting.headersOf('/assets/main-ABC.js')['Cache-Control'] ?? '', /immutable/);
    assert.equal(hosting.headersOf('/index.html')['Cache-Control'], 'no-cache');
  });
});

const read = (...path: string[]) => readFileSync(join(...path));
