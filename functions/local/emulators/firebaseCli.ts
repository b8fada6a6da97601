import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { z } from 'zod';

/** The version that these commands were written against. Not a dependency: it would weigh more than everything else together, on every
 *  installation. A newer one may print and wire differently, so it is pinned. */
export const cliVersion = '15.34.2';

const packageName = `firebase-tools@${cliVersion}`;

/** Lines of npm's own complaint that are shown. */
const complaintLines = 6;

const packageSchema = z.object({ version: z.string(), bin: z.object({ firebase: z.string() }) });

/** Firebase's command line on this machine. */
export interface FirebaseCli {
  /** The folder of the package. */
  readonly directory: string;
  /** Its program, for Node. */
  readonly program: string;
}

export type CliOutcome =
  | { readonly kind: 'found'; readonly cli: FirebaseCli }
  | { readonly kind: 'unavailable'; readonly why: string };

/** Firebase's command line, from npm's cache; `onFetch` is told before it is fetched into it, once per machine. */
export async function findFirebaseCli(signal: AbortSignal, onFetch: () => void): Promise<CliOutcome> {
  const cached = await pathOfNpx(['--offline', '--no'], signal);
  if (cached.code === 0) return installedIn(cached.path);
  onFetch();
  const fetched = await pathOfNpx(['--yes'], signal);
  if (fetched.code === 0) return installedIn(fetched.path);
  return { kind: 'unavailable', why: complaint(fetched.stderr) };
}

/** The PATH that npx gives to a command which comes from the package. */
async function pathOfNpx(
  flags: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly path: string; readonly stderr: string }> {
  const args = [...flags, '--loglevel=error', `--package=${packageName}`, '-c', 'node -p process.env.PATH'];
  return new Promise((resolve, reject) => {
    // Not in the package's own folder, whose settings and modules are none of the CLI's business.
    const npx = spawn('npx', args, {
      cwd: tmpdir(),
      env: withoutCallingNpm(process.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    let stdout = '';
    let stderr = '';
    npx.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    npx.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    npx.on('error', (error) => {
      if (signal.aborted) reject(signal.reason);
      else resolve({ code: null, path: '', stderr: `npx cannot be started: ${error.message}` });
    });
    npx.on('close', (code) => resolve({ code, path: stdout.trim(), stderr }));
  });
}

function installedIn(path: string): CliOutcome {
  for (const bin of path.split(delimiter)) {
    const directory = join(dirname(bin), 'firebase-tools');
    const manifest = join(directory, 'package.json');
    if (!existsSync(manifest)) continue;
    const parsed = packageSchema.safeParse(JSON.parse(readFileSync(manifest, 'utf8')));
    if (parsed.success && parsed.data.version === cliVersion) {
      return { kind: 'found', cli: { directory, program: join(directory, parsed.data.bin.firebase) } };
    }
  }
  return {
    kind: 'unavailable',
    why: `npx says that it has ${packageName}, but it is nowhere on the path that it gives`,
  };
}

/** What `npm run` tells its scripts about itself would make npx look into this package. */
export function withoutCallingNpm(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const callers = /^npm_(package_|lifecycle_|config_(local_)?prefix$|command$|execpath$)/i;
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !callers.test(name)) kept[name] = value;
  }
  return kept;
}

/** What npm said, without where it keeps its own log. */
export function complaint(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('npm warn') && !/A complete log of this run|_logs\//.test(line));
  return lines.slice(0, complaintLines).join('; ') || 'npx said nothing';
}
