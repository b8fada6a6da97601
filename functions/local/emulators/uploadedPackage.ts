import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, matchesGlob, relative, sep } from 'node:path';
import { z } from 'zod';
import type { FirebaseCli } from './firebaseCli.ts';

/** What Firebase's CLI leaves out besides the list in `firebase.json`. */
const alwaysIgnored = ['firebase-debug.log', 'firebase-debug.*.log', '.runtimeconfig.json'];

/** The files of a folder that `firebase deploy` uploads, sorted, as paths below it with `/`.
 *
 *  The CLI walks the folder and leaves out whatever matches a pattern, a folder with all that lies in it. It compares a
 *  pattern without a slash with the last part of a path (minimatch's `matchBase`), wildcards matching leading dots too
 *  (`dot`). `emulators:smoke` holds this against the CLI's own code.
 *  @throws Error for a pattern with a slash: the CLI would compare it with absolute paths, so it never matches what it
 *  is meant for. */
export function uploadedPackage(folder: string, ignore: readonly string[]): string[] {
  const patterns = [...ignore, ...alwaysIgnored];
  const anchored = patterns.find((pattern) => pattern.includes('/'));
  if (anchored !== undefined) {
    throw new Error(
      `firebase.json: the ignore pattern "${anchored}" has a slash and matches nothing; name the last part of the path`,
    );
  }
  const isIgnored = (name: string) => patterns.some((pattern) => matchesName(name, pattern));
  const walk = (directory: string): string[] =>
    readdirSync(directory, { withFileTypes: true })
      .filter(({ name }) => !isIgnored(name))
      .flatMap((entry) => {
        const path = join(directory, entry.name);
        return entry.isDirectory() ? walk(path) : [relative(folder, path).split(sep).join('/')];
      });
  return walk(folder).sort();
}

/** Whether a name matches a pattern, where a wildcard at its beginning matches a leading dot, which Node's own matching
 *  does not let it. */
function matchesName(name: string, pattern: string): boolean {
  if (matchesGlob(name, pattern)) return true;
  return name.startsWith('.') && /^[*?]/.test(pattern) && matchesGlob(`x${basename(name).slice(1)}`, pattern);
}

const filesSchema = z.array(z.looseObject({ name: z.string() }));

/** What the CLI's own code takes from a folder for an upload, sorted. A part of the CLI that is no public interface:
 *  its version is pinned. */
export async function packagedByCli(cli: FirebaseCli, folder: string, ignore: readonly string[]): Promise<string[]> {
  const load = createRequire(join(cli.directory, 'package.json'));
  const { readdirRecursive } = z
    .looseObject({ readdirRecursive: z.function({ input: [z.unknown()], output: z.promise(z.unknown()) }) })
    .parse(load('./lib/fsAsync.js'));
  const files = filesSchema.parse(await readdirRecursive({ path: folder, ignoreStrings: [...ignore] }));
  return files.map(({ name }) => relative(folder, name).split(sep).join('/')).sort();
}
