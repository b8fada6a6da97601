import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ChildMessage, childMessageSchema } from './manifest.ts';
import { memoryLimitVariable } from './wire.ts';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines that it wrote to stderr: why, if it says so. */
  readonly lastErrors: string;
}

/** A running child process. */
export interface ChildProgram {
  readonly pid: number | undefined;
  /** Resolves when the process is gone and its output is read; never rejects. */
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
}

/** Each function has a process of its own on one machine: a small young generation (in MiB) saves more memory than it
 *  costs time. */
const nodeFlags = ['--max-semi-space-size=4'];

/** How many lines of stderr are kept to explain an exit. */
const keptErrorLines = 20;

/** Starts one of the programs in `child/` with this very Node. The IPC channel is also its lifeline: it closes with
 *  this process, and the child then ends itself. */
export function startChild(
  program: 'describe' | 'serve',
  args: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string>>;
    /** The memory limit of the function, in MiB; none: that of the machine. */
    readonly memoryMiB?: number;
    readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
    readonly onMessage: (message: ChildMessage) => void;
  },
): ChildProgram {
  const file = fileURLToPath(new URL(`./child/${program}.ts`, import.meta.url));
  const { env, memoryMiB } = options;
  const child = spawn(process.execPath, [...nodeFlags, file, ...args], {
    env: memoryMiB === undefined ? env : { ...env, ...memoryLimit(memoryMiB, env.NODE_OPTIONS) },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const errors: string[] = [];
  readLines(child, 'stdout', (line) => options.onLine(line, 'stdout'));
  readLines(child, 'stderr', (line) => {
    errors.push(line);
    if (errors.length > keptErrorLines) errors.shift();
    options.onLine(line, 'stderr');
  });
  child.on('message', (message) => options.onMessage(childMessageSchema.parse(message)));
  const exited = new Promise<Exit>((resolve) => {
    // 'close' comes after the last output; a process that could not be started has only an error.
    child.on('close', (code, signal) => resolve({ code, signal, lastErrors: errors.join('\n') }));
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, lastErrors: error.message });
    });
  });
  return {
    pid: child.pid,
    exited,
    kill: (signal) => {
      child.kill(signal);
    },
  };
}

/** Node collects garbage before its heap reaches the limit; what exceeds it all the same, the process itself ends. A
 *  limit that the function's own settings name comes last, and counts. */
function memoryLimit(memoryMiB: number, nodeOptions = ''): Record<string, string> {
  return {
    [memoryLimitVariable]: String(memoryMiB),
    NODE_OPTIONS: `--max-old-space-size=${memoryMiB} ${nodeOptions}`.trim(),
  };
}

function readLines(child: ChildProcess, stream: 'stdout' | 'stderr', onLine: (line: string) => void): void {
  const input = child[stream];
  if (input) createInterface({ input }).on('line', onLine);
}

/** An exit in words. */
export function describeExit(exit: Exit): string {
  const how = exit.signal ? `was ended by ${exit.signal}` : `ended with code ${exit.code}`;
  return exit.lastErrors === '' ? how : `${how}:\n${exit.lastErrors}`;
}
