import { createRequire } from 'node:module';
import { join, relative, sep } from 'node:path';
import { z } from 'zod';
import type { FirebaseCli } from './firebaseCli.ts';

const filesSchema = z.array(z.looseObject({ name: z.string() }));

/** What the CLI's own code takes from a folder for an upload, sorted. A part of the CLI that is no public interface: its version is pinned. */
export async function packagedByCli(cli: FirebaseCli, folder: string, ignore: readonly string[]): Promise<string[]> {
  const load = createRequire(join(cli.directory, 'package.json'));
  const { readdirRecursive } = z
    .looseObject({ readdirRecursive: z.function({ input: [z.unknown()], output: z.promise(z.unknown()) }) })
    .parse(load('./lib/fsAsync.js'));
  const files = filesSchema.parse(await readdirRecursive({ path: folder, ignoreStrings: [...ignore] }));
  return files.map(({ name }) => relative(folder, name).split(sep).join('/')).sort();
}
