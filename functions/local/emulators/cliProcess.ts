import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { endGroup } from './endGroup.ts';
import type { FirebaseCli } from './firebaseCli.ts';

/** What the CLI prints when everything listens and all triggers are wired. */
const readyText = 'All emulators ready!';

/** How long the CLI may take to stop its emulators, in ms, before it is killed. It gives each of them four seconds. */
const stopMs = 20_000;

const defaultOrphansMs = 5_000;

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
  /** How long processes that it started may outlive it, in ms; default: 5 s. It tells them to end and does not wait. */
  readonly orphansMs?: number;
}

/** Starts the CLI on the Node that runs this: it runs the functions on the Node that it runs on itself. */
export function startCli({
  cli,
  projectId,
  command,
  cwd,
  env,
  onLine,
  orphansMs = defaultOrphansMs,
}: CliOptions): CliProcess {
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
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
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
      if (child.pid === undefined) return { killed: false };
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGINT');
        const hurry = setTimeout(() => child.kill('SIGKILL'), stopMs);
        await gone;
        clearTimeout(hurry);
      }
      // What it started shares this pipe, and ends with it.
      child.stdin.end();
      const killed = await endGroup(child.pid, orphansMs);
      await exited;
      return { killed };
    },
  };
}
