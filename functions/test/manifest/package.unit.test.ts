// What `firebase deploy` uploads: attacks "only what runs is uploaded, and all of it". That the same files come out of
// the CLI's own code is looked at by `npm run emulators:smoke`, where the CLI is at hand.
import assert from 'node:assert/strict';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { readFirebaseJson } from '../../local/emulators/stage.ts';
import { uploadedPackage } from '../../local/emulators/uploadedPackage.ts';

const functionsDir = join(import.meta.dirname, '..', '..');
const ignore = readFirebaseJson().functions[0]?.ignore ?? [];

/** What npm needs to install what the code imports. */
const forNpm = ['.npmrc', 'package-lock.json', 'package.json'];

/** The output of the compiler for each file of `src/`. */
const compiled = globSync('src/**/*.ts', { cwd: functionsDir }).map((file) =>
  file.split('\\').join('/').replace(/^src/, 'lib').replace(/\.ts$/, '.js'),
);

/** Files as they lie about in a checkout that people work in; each must stay there, kept out by the one pattern that it
 *  stands for. */
const strays: Readonly<Record<string, string>> = {
  node_modules: 'node_modules/mongodb/lib/index.js',
  src: 'src/index.ts',
  local: 'local/stack.ts',
  test: 'test/run.ts',
  bench: 'bench/main.ts',
  deploy: 'deploy/provision.ts',
  docs: 'docs/guarantees.md',
  web: 'web/index.html',
  coverage: 'coverage/lcov.info',
  'biome.json': 'biome.json',
  'tsconfig*.json': 'tsconfig.build.json',
  '*.map': 'lib/index.js.map',
  '*.d.ts': 'lib/index.d.ts',
  '*.tsbuildinfo': 'lib/build.tsbuildinfo',
  '*.log': 'npm-debug.log',
  '*.local': 'notes.local',
  '.!(npmrc)': '.env',
};

/** What runs, in the folder with the strays. */
const wanted = ['lib/index.js', 'lib/relay/relay.js', ...forNpm];

describe('the uploaded package', () => {
  it('holds the compiled code and what npm needs, and nothing else', () => {
    assert.deepEqual(uploadedPackage(functionsDir, ignore), [...compiled, ...forNpm].sort());
  });

  it('imports only what package.json installs in the cloud', () => {
    const { dependencies } = z
      .object({ dependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(readFileSync(join(functionsDir, 'package.json'), 'utf8')));
    const known = new Set([
      ...Object.keys(dependencies),
      ...builtinModules,
      ...builtinModules.map((name) => `node:${name}`),
    ]);
    const unknown = uploadedPackage(functionsDir, ignore)
      .filter((file) => file.endsWith('.js'))
      .flatMap((file) =>
        importedPackages(readFileSync(join(functionsDir, file), 'utf8')).map((name) => ({ file, name })),
      )
      .filter(({ name }) => !known.has(name));
    assert.deepEqual(unknown, []);
    assert.deepEqual(
      importedPackages(`import {
 a } from '@x/y/z';
export * from "b/c";
import 'e';
 const { d } = await import('d');`),
      ['@x/y', 'b', 'e', 'd'],
    );
  });

  describe('from a folder that people work in', () => {
    let folder: string;

    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'lockstep-package-'));
      for (const file of [...wanted, ...Object.values(strays)]) {
        mkdirSync(dirname(join(folder, file)), { recursive: true });
        writeFileSync(join(folder, file), '');
      }
    });
    after(() => rmSync(folder, { recursive: true }));

    it('leaves the strays behind', () => {
      assert.deepEqual(Object.keys(strays).sort(), [...ignore].sort());
      assert.deepEqual(uploadedPackage(folder, ignore), [...wanted].sort());
    });

    for (const [pattern, stray] of Object.entries(strays)) {
      it(`would hold ${stray} without "${pattern}"`, () => {
        const others = ignore.filter((other) => other !== pattern);
        assert.deepEqual(uploadedPackage(folder, others), [...wanted, stray].sort());
      });
    }

    it('would miss what runs if a pattern took it away', () => {
      for (const pattern of ['lib', '*.js', 'package-lock.json', '.*']) {
        assert.notDeepEqual(uploadedPackage(folder, [...ignore, pattern]), [...wanted].sort(), pattern);
      }
    });

    it('refuses a pattern with a slash, which the CLI would never match', () => {
      assert.throws(() => uploadedPackage(folder, ['test/fixtures']), /has a slash/);
    });
  });
});

/** The packages that compiled code imports, at its beginning or later. */
function importedPackages(code: string): string[] {
  const specifiers = [
    ...code.matchAll(/^(?:import|export) (?:[^'";]*? from )?['"]([^'"\n]+)['"]/gm),
    ...code.matchAll(/\bimport\(['"]([^'"\n]+)['"]\)/g),
  ].map(([, specifier]) => specifier ?? '');
  return specifiers
    .filter((specifier) => !specifier.startsWith('.'))
    .map((specifier) => (specifier.startsWith('node:') ? specifier : packageOf(specifier)));
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
