// `npm test`: lint, types, build, then every test in two processes side by side; ends with one line that counts.
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Order, type Result, resultSchema } from './workerMessages.ts';

const functionsDir = join(import.meta.dirname, '..');
const usage = `usage: npm --prefix functions test [-- options]

Lint, types, build and every test. MONGODB_URI, FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST make the tests of the
whole path use those services instead of servers of their own.

  --grep TEXT      only tests whose title contains it
  --only GLOB      only test files that match, e.g. 'test/sync/**'
  --help           this text
`;

/** Two cores are what the tests may count on; more processes would only take the time from those that measure it. */
const workers = Math.min(2, availableParallelism());

/** By the level in their names, files take about this order, the longest first. */
const levels = ['.e2e.', '.int.', '.property.', '.unit.'];

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
    step('types of the page', bin('typescript', 'bin', 'tsc'), ['-p', 'web']) &&
    step('build', 'local/build.ts', [])
  );
}

function flag(name: string): string | undefined {
  const index = process.argv.indexOf(name);
  return index < 0 ? undefined : process.argv[index + 1];
}

function testFiles(): string[] {
  const levelOf = (file: string) => levels.findIndex((level) => file.includes(level));
  return globSync(flag('--only') ?? 'test/**/*.test.ts', { cwd: functionsDir })
    .filter((file) => file.endsWith('.test.ts'))
    .sort()
    .sort((a, b) => levelOf(a) - levelOf(b));
}

/** Runs the files that `next` gives, in one process after another if one dies; resolves when the last has ended. */
async function runLane(next: () => string | undefined, onResult: (result: Result) => void): Promise<void> {
  const grep = flag('--grep');
  let worker: ChildProcess | undefined;
  const send = (to: ChildProcess, order: Order) => to.send(order);
  for (let file = next(); file !== undefined; file = next()) {
    worker ??= fork(join(import.meta.dirname, 'worker.ts'), { cwd: functionsDir });
    const startedAt = performance.now();
    const result = resultOf(worker);
    send(worker, { kind: 'run', file: join(functionsDir, file), ...(grep !== undefined && { grep }) });
    const { passed, skipped, failed } = await result;
    if (worker.exitCode !== null || worker.signalCode !== null) worker = undefined;
    onResult({ passed, skipped, failed: failed.map((title) => `${file}: ${title}`) });
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    console.log(`${seconds.padStart(7)} s ${String(passed).padStart(5)} passed  ${file}`);
  }
  if (worker === undefined) return;
  const exited = once(worker, 'exit');
  send(worker, { kind: 'end' });
  const [code] = await exited;
  if (code !== 0) onResult({ passed: 0, skipped: 0, failed: [`the tests' process ended with code ${code}`] });
}

/** What a worker answers; that it died counts as one failure. */
function resultOf(worker: ChildProcess): Promise<Result> {
  return new Promise((resolve) => {
    const onExit = (code: number | null) =>
      resolve({ passed: 0, skipped: 0, failed: [`the process of the tests ended with code ${code}`] });
    worker.once('exit', onExit);
    worker.once('message', (message) => {
      worker.off('exit', onExit);
      resolve(resultSchema.parse(message));
    });
  });
}

async function runTests(): Promise<boolean> {
  const files = testFiles();
  console.log(`\ntest: ${files.length} files in ${workers} processes`);
  const total = { passed: 0, skipped: 0 };
  const failures: string[] = [];
  const onResult = ({ passed, skipped, failed }: Result) => {
    total.passed += passed;
    total.skipped += skipped;
    failures.push(...failed);
  };
  // From both ends, so that the tests of many processes run beside those of one.
  const ends = [() => files.shift(), () => files.pop()];
  await Promise.all(ends.slice(0, workers).map((next) => runLane(next, onResult)));
  if (failures.length > 0) console.log(`\ntest: failed\n${failures.map((title) => `  ${title}`).join('\n')}`);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  console.log(`\ntests: ${total.passed} passed, ${failures.length} failed${skipped}`);
  return total.passed > 0 && failures.length === 0;
}

if (process.argv.includes('--help')) {
  console.log(usage);
} else {
  process.exitCode = checks() && (await runTests()) ? 0 : 1;
}
