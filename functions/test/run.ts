// `npm test`: lint, types, build, then every test; ends with one line that counts.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';
import './givenServices.ts';

const functionsDir = join(import.meta.dirname, '..');
const usage = `usage: npm --prefix functions test [-- options]

Lint, types, build and every test. MONGODB_URI, FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST make the tests of the whole path use
those services instead of servers of their own.

  --grep TEXT      only tests whose title contains it
  --only GLOB      only test files that match, e.g. 'test/sync/**'
  --help           this text
`;

/** After the last test nothing may keep the process alive; what does is named after so long, in ms. */
const lingerMs = 10_000;

function step(title: string, program: string, args: readonly string[]): boolean {
  console.log(`\ntest: ${title}`);
  return spawnSync(process.execPath, [program, ...args], { cwd: functionsDir, stdio: 'inherit' }).status === 0;
}

/** What stands before the tests: each is a reason not to run them. */
function checks(): boolean {
  const bin = (...path: string[]) => join('node_modules', ...path);
  return (
    step('lint', bin('@biomejs', 'biome', 'bin', 'biome'), ['check', '--error-on-warnings', '.']) &&
    step('types', bin('typescript', 'bin', 'tsc'), ['--noEmit']) &&
    step('build', 'local/build.ts', [])
  );
}

function flag(name: string): string | undefined {
  const index = process.argv.indexOf(name);
  return index < 0 ? undefined : process.argv[index + 1];
}

async function runTests(): Promise<number> {
  const files = globSync(flag('--only') ?? 'test/**/*.test.ts', { cwd: functionsDir })
    .filter((file) => file.endsWith('.test.ts'))
    .sort();
  const grep = flag('--grep');
  const mocha = new Mocha({
    timeout: 20_000,
    forbidOnly: true,
    forbidPending: process.env.CI === 'true',
    reporter: 'dot',
    ...(grep !== undefined && { fgrep: grep }),
  });
  for (const file of files) mocha.addFile(join(functionsDir, file));
  console.log(`\ntest: ${files.length} files`);
  await mocha.loadFilesAsync();
  return new Promise((resolve) => {
    const runner = mocha.run((failures) => {
      const passed = runner.stats?.passes ?? 0;
      const pending = runner.stats?.pending ?? 0;
      // Written when everything has been cleaned up, so that it is the last line.
      process.once('exit', () => {
        console.log(`tests: ${passed} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ''}`);
      });
      resolve(passed === 0 ? 1 : failures);
    });
  });
}

/** A test that leaves something open is a defect; it must not hang the run, nor go unseen. */
function watchForLeftovers(): void {
  setTimeout(() => {
    console.error(`test: something still runs after the last test: ${process.getActiveResourcesInfo().join(', ')}`);
    process.exit(1);
  }, lingerMs).unref();
}

if (process.argv.includes('--help')) {
  console.log(usage);
} else if (checks()) {
  process.exitCode = (await runTests()) === 0 ? 0 : 1;
  watchForLeftovers();
} else {
  process.exitCode = 1;
}
