import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Stage } from './stage.ts';

const functionsDir = join(import.meta.dirname, '..', '..');
const compiler = join(functionsDir, 'node_modules', 'typescript', 'bin', 'tsc');

/** As `npm run build`, into the stage, and only what is deployed. */
const args = (stage: Stage) => [
  compiler,
  ...['-p', 'tsconfig.build.json', '--outDir', join(stage.functions, 'lib')],
  ...['--declaration', 'false', '--sourceMap', 'false'],
  // What has not changed is not written again, and so not loaded again by the emulator.
  ...['--incremental', '--tsBuildInfoFile', join(stage.directory, 'tsbuildinfo.json')],
];

/** Compiles `src/` into the stage.
 *  @throws Error when it does not compile; what the compiler said stands on standard error. */
export function compile(stage: Stage): void {
  const run = spawnSync(process.execPath, args(stage), { cwd: functionsDir, stdio: ['ignore', 2, 2] });
  if (run.status !== 0) throw new Error('src/ does not compile; the messages of the compiler stand above');
}

/** Compiles again after every change of `src/`, until killed. The functions emulator notices and loads the functions anew. */
export function compileOnChange(stage: Stage): ChildProcess {
  return spawn(process.execPath, [...args(stage), '--watch', '--preserveWatchOutput'], {
    cwd: functionsDir,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}
