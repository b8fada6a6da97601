// Builds the operations room's page from web/ to web/dist, which is what Firebase Hosting publishes.
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

const webDir = join(import.meta.dirname, '..', 'web');

/** What Hosting publishes. */
export const pageDir = join(webDir, 'dist');

/** Names of built files carry a hash of their content: browsers keep them for ever. */
const hashedNames = '[name]-[hash]';

/** Compiles the page; a new folder takes the place of the old one.
 *  @throws what the compiler could not read */
export async function buildPage(): Promise<void> {
  const fresh = join(webDir, `.dist-${process.pid}`);
  try {
    const { metafile } = await build({
      entryPoints: [join(webDir, 'src', 'main.tsx')],
      outdir: join(fresh, 'assets'),
      bundle: true,
      splitting: true,
      format: 'esm',
      target: 'es2022',
      minify: true,
      metafile: true,
      jsx: 'automatic',
      jsxImportSource: 'preact',
      entryNames: hashedNames,
      chunkNames: hashedNames,
      legalComments: 'linked',
      logLevel: 'warning',
    });
    const entry = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint?.endsWith('main.tsx'));
    const [script, styles] = [entry?.[0], entry?.[1].cssBundle];
    if (script === undefined || styles === undefined) throw new Error('the page was built without a script or a style');
    const html = readFileSync(join(webDir, 'index.html'), 'utf8')
      .replace('%SCRIPT%', `/assets/${basename(script)}`)
      .replace('%STYLES%', `/assets/${basename(styles)}`);
    mkdirSync(fresh, { recursive: true });
    writeFileSync(join(fresh, 'index.html'), html);
    cpSync(join(webDir, 'icon.svg'), join(fresh, 'icon.svg'));
    takePlace(fresh);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Where both are the same the old one stays: somebody may be reading it. The names tell, for they carry hashes. */
function takePlace(fresh: string): void {
  if (contentOf(pageDir) === contentOf(fresh)) return;
  rmSync(pageDir, { recursive: true, force: true });
  renameSync(fresh, pageDir);
}

function contentOf(folder: string): string {
  try {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
    return JSON.stringify([names, readFileSync(join(folder, 'index.html'), 'utf8')]);
  } catch {
    return 'not built';
  }
}
