import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { freePorts } from '../../local/freePorts.ts';

const functionsDir = join(import.meta.dirname, '..', '..');

/** What the deployment starts to learn what there is to deploy. */
const discovery = join(functionsDir, 'node_modules', 'firebase-functions', 'lib', 'bin', 'firebase-functions.js');

/** How long a process may take to answer, and to end once it is asked to, in ms. Only a defect takes as long. */
const patienceMs = 15_000;

/** Pause between two tries to reach it, in ms. */
const tryEveryMs = 10;

const traceSchema = z.object({ attempts: z.array(z.string()), modules: z.array(z.string()) });

interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

/** What became of loading a bundle. */
export interface Discovery {
  readonly outcome:
    | { readonly kind: 'manifest'; readonly manifest: unknown }
    | { readonly kind: 'failed'; readonly why: string };
  /** What was tried and refused, such as a connection. */
  readonly attempts: readonly string[];
  /** Packages of node_modules that code was loaded from; `.` is the bundle itself. */
  readonly packages: ReadonlySet<string>;
  /** Files of the Admin SDK that were loaded, from the folder of the package on. */
  readonly adminFiles: ReadonlySet<string>;
  /** Modules loaded. */
  readonly modules: number;
  /** Whether the process had to be killed in the end, since something in it went on. */
  readonly lingers: boolean;
  /** From the start of the process to its answer. */
  readonly tookMs: number;
}

/** Loads the bundle in a folder as `firebase deploy` does: a process of `firebase-functions` that serves the manifest.
 *  It may read the folder and the packages, and listen; it may not write, connect, look up names or start anything. */
export async function discover(folder: string, lingerMs = patienceMs): Promise<Discovery> {
  const [port] = await freePorts(1);
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [
      '--permission',
      ...[folder, functionsDir].map((path) => `--allow-fs-read=${path}`),
      ...['--import', join(import.meta.dirname, 'guard.ts'), discovery, folder],
    ],
    // The CLI passes no more than these.
    {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, FUNCTIONS_CONTROL_API: 'true', PORT: String(port) },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said += piece;
  });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  try {
    const answer = await ask(`http://127.0.0.1:${port}/__/functions.yaml`, isRunning);
    const tookMs = performance.now() - startedAt;
    if (isRunning()) await get(`http://127.0.0.1:${port}/__/quitquitquit`);
    let lingers = false;
    const hurry = setTimeout(() => {
      lingers = true;
      child.kill('SIGTERM');
    }, lingerMs);
    await exited;
    clearTimeout(hurry);
    const trace = lingers ? { attempts: [], modules: [] } : parseTrace(said);
    return {
      outcome: answer.ok
        ? { kind: 'manifest', manifest: JSON.parse(answer.text) }
        : { kind: 'failed', why: answer.text || said },
      attempts: trace.attempts,
      packages: new Set(trace.modules.filter((url) => url.startsWith('file:')).map(packageOf)),
      adminFiles: new Set(trace.modules.flatMap((url) => /\/node_modules\/firebase-admin\/(.*)$/.exec(url)?.[1] ?? [])),
      modules: trace.modules.length,
      lingers,
      tookMs,
    };
  } finally {
    if (isRunning()) child.kill('SIGKILL');
  }
}

/** Asks until the process listens or has ended. */
async function ask(url: string, isRunning: () => boolean): Promise<Answer> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return await get(url);
    } catch (error) {
      if (!isRunning()) return { ok: false, text: '' };
      if (performance.now() > deadline) throw new Error(`${url} does not answer`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, tryEveryMs));
    }
  }
}

/** On a connection of its own: one that is kept for later would keep the process alive. */
function get(url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(url, { agent: false }, (response) => {
      text(response).then((said) => resolve({ ok: response.statusCode === 200, text: said }), reject);
    })
      .on('error', reject)
      .end();
  });
}

/** The guard's last line. */
function parseTrace(said: string): z.infer<typeof traceSchema> {
  return traceSchema.parse(JSON.parse(said.trimEnd().split('\n').at(-1) ?? ''));
}

/** The package that a file belongs to. */
function packageOf(url: string): string {
  return /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? '.';
}
