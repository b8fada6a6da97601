// Runs a command of this package on the Node version that the package pins, installing what is missing first. It is the
// only file that has to run on whatever Node the machine happens to have (20 or newer), so it is plain JavaScript.
//
// node local/bootstrap.mjs [--max-…=N] FILE.ts [arguments]    a TypeScript program of this package, with memory options
// for Node node local/bootstrap.mjs --bin NAME [arguments]             a program of node_modules/.bin
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const functionsDir = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(functionsDir, 'node_modules');

/** The lock file that the installed modules were made from: `npm ci` runs again when it changes, and only then. */
const stampFile = join(modules, '.lockstep-installed');

function installMissing() {
  const lock = createHash('sha256')
    .update(readFileSync(join(functionsDir, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === lock) return;
  console.error('lockstep: installing what this command needs (once, about half a minute) ...');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: functionsDir,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) {
    console.error(
      'lockstep: "npm ci" failed in functions/. Its messages stand above; repair what they name and run the command again.',
    );
    process.exit(1);
  }
  writeFileSync(stampFile, lock);
}

/** The pinned Node itself, not the script or link in .bin: signals then reach the program without a process in between.
 */
function pinnedNode() {
  const linked = join(modules, '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
  if (!existsSync(linked)) {
    console.error(
      'lockstep: the pinned Node is not installed. Delete functions/node_modules and run the command again.',
    );
    process.exit(1);
  }
  return realpathSync(linked);
}

function main() {
  const words = process.argv.slice(2);
  const firstWord = words.findIndex((word) => !word.startsWith('--max-'));
  const nodeOptions = words.slice(0, Math.max(0, firstWord));
  const [first, ...rest] = words.slice(nodeOptions.length);
  if (first === undefined) {
    console.error('usage: node local/bootstrap.mjs [--max-…=N] FILE.ts | --bin NAME [arguments]');
    process.exit(2);
  }
  installMissing();
  const node = pinnedNode();
  const [program, args] =
    first === '--bin'
      ? [realpathSync(join(modules, '.bin', rest[0] ?? '')), rest.slice(1)]
      : [join(functionsDir, first), rest];
  // Programs that start others (mocha, the functions runtime) must find the same Node first on the path.
  const env = {
    // Most commands start several processes that load the same modules: compiled once, they load in half the time.
    NODE_COMPILE_CACHE: join(modules, '.cache', 'node'),
    ...process.env,
    PATH: `${dirname(node)}:${join(modules, '.bin')}:${process.env.PATH ?? ''}`,
  };
  const child = spawn(node, [...nodeOptions, program, ...args], { cwd: functionsDir, stdio: 'inherit', env });
  // Ctrl-C reaches the whole process group by itself; a signal sent to this process alone has to be passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal) process.exit(128 + (signal === 'SIGINT' ? 2 : signal === 'SIGTERM' ? 15 : 1));
    process.exit(code ?? 1);
  });
}

main();
