import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import type { FirebaseCli } from './firebaseCli.ts';

/** What the CLI prints when everything listens and all triggers are wired. */
const readyText = 'All emulators ready!';

/** How long the CLI may take to stop its emulators, in ms, before it is killed. It gives each of them four seconds. */
const stopMs = 20_000;

/** How long processes that the CLI started may outlive it, in ms: it tells them to end and does not wait. */
const defaultOrphansMs = 5_000;

/** Pause between two looks at its processes, in ms. */
const lookEveryMs = 20;

/** A running `firebase emulators:start`. */
export interface CliProcess {
  /** Its exit code; null when it was killed. */
  readonly exited: Promise<number | null>;
  /** Resolves when the emulators are ready; never, if they do not become so. */
  readonly ready: Promise<void>;
  /** Stops the emulators and waits until they are gone; says whether any process that they started had to be killed. */
  stop(): Promise<{ readonly killed: boolean }>;
}

export interface CliOptions {
  readonly cli: FirebaseCli;
  readonly projectId: string;
  /** Which emulators. */
  readonly only: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Called with each line that it or its emulators print. */
  readonly onLine: (line: string) => void;
  readonly orphansMs?: number;
}

/** Starts the CLI on the Node that runs this: it runs the functions on the Node that it runs on itself. */
export function startCli(options: CliOptions): CliProcess {
  const { cli, projectId, only, cwd, env, onLine, orphansMs = defaultOrphansMs } = options;
  const lifeline = join(import.meta.dirname, 'lifeline.ts');
  const command = ['emulators:start', '--only', only.join(), '--project', projectId, '--non-interactive'];
  // A process group of its own: Ctrl-C must reach it once, through `stop`; at a second one it leaves without cleaning
  // up.
  const group = { cwd, env, detached: true };
  const child = spawn(process.execPath, ['--import', lifeline, cli.program, ...command], group);
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

/** Waits until no process of a group runs, and kills what is left after `graceMs`; true: there was something to
 *  kill. */
async function endGroup(leader: number, graceMs: number): Promise<boolean> {
  const deadline = performance.now() + graceMs;
  while (performance.now() < deadline) {
    if (!isAlive(leader)) return false;
    await pause(lookEveryMs);
  }
  return isAlive(leader) && signalGroup(leader, 'SIGKILL');
}

/** On Linux the processes are looked at: one that has ended, but that nobody has waited for (in a container whose first
 *  process waits for none), still takes a signal. */
function isAlive(leader: number): boolean {
  if (process.platform !== 'linux') return signalGroup(leader, 0);
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && runsInGroup(name, leader));
}

/** See proc_pid_stat(5): the name before state and process group is in brackets and may hold anything. */
function runsInGroup(pid: string, leader: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '');
    const [state = '', , group] = stat.split(' ');
    return Number(group) === leader && !'ZX'.includes(state);
  } catch {
    // It has ended since the list was made.
    return false;
  }
}

/** Whether there was a process to signal. */
function signalGroup(leader: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, name);
    return true;
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
