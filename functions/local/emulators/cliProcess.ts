import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import type { FirebaseCli } from './firebaseCli.ts';

/** What the CLI prints when everything listens and all triggers are wired. */
const readyText = 'All emulators ready!';

/** How long the CLI may take to stop its emulators, in ms, before it is killed. It gives each of them four seconds. */
const stopMs = 20_000;

/** How long processes of functions may outlive the CLI, in ms: it tells them to end and does not wait. */
const orphansMs = 5_000;

/** Pause between two looks whether they have ended, in ms. */
const lookEveryMs = 20;

/** A running `firebase emulators:…`. */
export interface CliProcess {
  /** Its exit code; null when it was killed. */
  readonly exited: Promise<number | null>;
  /** Resolves when the emulators are ready; never, if they do not become so. */
  readonly ready: Promise<void>;
  /** Stops the emulators and waits until they are gone; tells whether any process that they started had to be killed. */
  stop(): Promise<{ readonly killed: boolean }>;
}

export interface CliOptions {
  readonly cli: FirebaseCli;
  readonly projectId: string;
  /** `emulators:start` and so on, with its own arguments. */
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Told of each line that it or its emulators print. */
  readonly onLine: (line: string) => void;
}

/** Starts the CLI on the Node that runs this: it runs the functions on the Node that it runs on itself. */
export function startCli({ cli, projectId, command, cwd, env, onLine }: CliOptions): CliProcess {
  const child = spawn(
    process.execPath,
    [
      ...['--import', join(import.meta.dirname, 'lifeline.ts'), cli.program],
      ...command,
      ...['--project', projectId, '--non-interactive'],
    ],
    // A process group of its own: Ctrl-C must reach it once, through `stop`, since a second one makes it leave without cleaning up.
    { cwd, env, stdio: ['pipe', 'pipe', 'pipe'], detached: true },
  );
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        onLine(line);
        if (stripVTControlCharacters(line).includes(readyText)) resolve();
      });
    }
  });
  return {
    exited,
    ready,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGINT');
        const hurry = setTimeout(() => {
          child.kill('SIGKILL');
          // Its children share this pipe, and end with it.
          child.stdin.end();
        }, stopMs);
        await exited;
        clearTimeout(hurry);
      }
      child.stdin.end();
      return { killed: await endGroup(child.pid) };
    },
  };
}

/** Waits until a process group is empty, and kills what is left of it after a while. */
async function endGroup(leader: number | undefined): Promise<boolean> {
  if (leader === undefined) return false;
  const deadline = performance.now() + orphansMs;
  while (performance.now() < deadline) {
    if (!signalGroup(leader, 0)) return false;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
  return signalGroup(leader, 'SIGKILL');
}

/** Whether there was a process to signal. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
