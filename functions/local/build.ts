// `npm run build`: compiles src/ to lib/, which is what Cloud Functions load, and web/ to web/dist/, which Hosting
// publishes. A new folder takes the place of the old one, so that nothing stale is deployed; where both are the same
// the old one stays, and who is reading it goes on.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buildPage } from './buildPage.ts';

const functionsDir = join(import.meta.dirname, '..');
const lib = join(functionsDir, 'lib');

/** The files of a folder with their text. */
function contents(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

function isSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([name, text]) => other.get(name) === text);
}

const fresh = join(functionsDir, `.lib-${process.pid}`);
try {
  const compiler = join(functionsDir, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [compiler, '-p', 'tsconfig.build.json', '--outDir', fresh];
  const { status } = spawnSync(process.execPath, args, { cwd: functionsDir, stdio: 'inherit' });
  process.exitCode = status ?? 1;
  if (status === 0) {
    const known = statSync(lib, { throwIfNoEntry: false }) ? contents(lib) : new Map<string, string>();
    if (!isSame(known, contents(fresh))) {
      rmSync(lib, { recursive: true, force: true });
      renameSync(fresh, lib);
    }
    await buildPage();
    console.log('built lib/ from src/ and web/dist/ from web/');
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
