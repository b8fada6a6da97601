import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/clock.ts';
import { errorText } from '../src/log.ts';
import { printable } from '../src/printable.ts';
import { execute } from './execute.ts';
import { projectsOf, readInvocation, usage } from './options.ts';
import { plan } from './plan.ts';
import { renderScript } from './shell.ts';
import { spawnCommand } from './spawnCommand.ts';

const functionsDirectory = join(dirname(fileURLToPath(import.meta.url)), '..');

async function main(): Promise<number> {
  const invocation = readInvocation(process.argv.slice(2), projectsOf(functionsDirectory));
  if (invocation.kind === 'help') {
    console.log(usage);
    return 0;
  }
  if (invocation.kind === 'mistake') {
    console.error(`provision: ${printable(invocation.problem)}\n\n${usage}`);
    return 2;
  }
  const steps = plan(invocation.options);
  if (invocation.dryRun) {
    process.stdout.write(renderScript(steps));
    return 0;
  }
  const { done, waiting } = await execute(steps, { run: spawnCommand, clock: systemClock, say: console.log });
  console.log(`provision: ${done} steps done, ${waiting.length} waiting`);
  if (waiting.length > 0) console.log('Run this again after "firebase deploy": the waiting steps need its triggers.');
  return 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(`provision: ${errorText(error)}`);
    process.exitCode = 1;
  },
);
