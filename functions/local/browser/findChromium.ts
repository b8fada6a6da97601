import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Names under which systems install it. */
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Where Chromium is: what CHROMIUM_PATH names, or the first on the path. Undefined: there is none. */
export function findChromium(env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (env.CHROMIUM_PATH) return env.CHROMIUM_PATH;
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

/** Finds Chromium, or installs Debian's where this process may.
 *  @throws Error that says in one sentence what to do */
export function requireChromium(env: Readonly<Record<string, string | undefined>>): string {
  const found = findChromium(env) ?? (canInstall() ? install(env) : undefined);
  if (found === undefined) {
    throw new Error('There is no browser: install Chromium (apt-get install chromium), or set CHROMIUM_PATH to one.');
  }
  return found;
}

const canInstall = () => process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;

function install(env: Readonly<Record<string, string | undefined>>): string | undefined {
  console.error('lockstep: installing chromium for the tests of the page (once) ...');
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'] };
  spawnSync('apt-get', ['update', '-qq'], quiet);
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], {
    ...quiet,
    env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return findChromium(env);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
