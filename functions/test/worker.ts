// One of the processes in which `npm test` runs test files, one file after the other, as its parent sends them.
import Mocha from 'mocha';
import './givenServices.ts';
import { orderSchema, type Result } from './workerMessages.ts';

/** After the last test nothing may keep the process alive; what does is named after so long, in ms. */
const lingerMs = 10_000;

/** Keeps what failed, and prints it when the file is over. */
class FailuresOnly extends Mocha.reporters.Base {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.once('end', () => {
      if (this.failures.length > 0) Mocha.reporters.Base.list(this.failures);
    });
  }
}

async function run(file: string, grep: string | undefined): Promise<Result> {
  const mocha = new Mocha({
    timeout: 20_000,
    forbidOnly: true,
    forbidPending: process.env.CI === 'true',
    reporter: FailuresOnly,
    ...(grep !== undefined && { fgrep: grep }),
  });
  mocha.addFile(file);
  await mocha.loadFilesAsync();
  const failed: string[] = [];
  return new Promise((resolve) => {
    const runner = mocha.run(() => {
      mocha.dispose();
      resolve({ passed: runner.stats?.passes ?? 0, skipped: runner.stats?.pending ?? 0, failed });
    });
    runner.on('fail', (test) => failed.push(test.fullTitle()));
  });
}

/** A test that leaves something open is a defect; it must not hang the run, nor go unseen. */
function end(): void {
  process.off('disconnect', abandon);
  process.disconnect();
  setTimeout(() => {
    console.error(`test: something still runs after the last test: ${process.getActiveResourcesInfo().join(', ')}`);
    process.exit(1);
  }, lingerMs).unref();
}

/** The parent has died. */
const abandon = () => process.exit(1);
process.on('disconnect', abandon);
process.on('message', async (message) => {
  const order = orderSchema.parse(message);
  if (order.kind === 'end') end();
  else process.send?.(await run(order.file, order.grep));
});
