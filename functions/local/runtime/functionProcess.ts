import type { Clock } from '../../src/clock.ts';
import { within } from '../../src/waiting.ts';
import { type ChildProgram, describeExit, type Exit } from './childProgram.ts';

/** `waiting`: it has ended and will be started again in a moment. `stopped`: it is not started again. */
export type ProcessState = 'starting' | 'ready' | 'waiting' | 'stopped';

/** A process that serves a function, kept alive. */
export interface FunctionProcess {
  state(): ProcessState;
  pid(): number | undefined;
  /** The port it listens on, as soon as it does; waits through restarts and rejects when it is stopped. */
  port(): Promise<number>;
  /** How many invocations it serves or is about to serve. */
  busy(): number;
  /** An invocation begins, or ends. */
  begin(): void;
  end(): void;
  /** Resolves when the process of this moment has ended; at once if there is none. */
  gone(): Promise<void>;
  /** Resolves when it was ready for the first time; rejects when it failed to start `FAILED_STARTS` times in a row
   *  before that. */
  readonly firstReady: Promise<void>;
  /** Sends a signal and resolves when the process is gone. It is then started again, if it is to be kept alive. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it if it is stopped. */
  start(): void;
  /** SIGTERM, after a grace SIGKILL; resolves when the process is gone; it is not started again. */
  stop(graceMs: number): Promise<void>;
}

export interface FunctionProcessOptions {
  readonly name: string;
  /** Starts the program; `onListening` is to be called with its port. */
  readonly spawn: (onListening: (port: number) => void) => ChildProgram;
  /** Whether a process that ended is started again. */
  readonly keepAlive: boolean;
  /** Whether it has no CPU between invocations, as Cloud Run may do it: it is stopped by SIGSTOP. */
  readonly freezeIdle: boolean;
  /** Time of restarts and grace: that of the machine, for processes do not live in virtual time. */
  readonly clock: Clock;
  readonly onExit: (exit: Exit, expected: boolean) => void;
}

/** A crashed process is started again after this long, then twice as long each time it fails to come up, in ms. */
const minRestartMs = 100;
const maxRestartMs = 10_000;

/** So many failed starts are no accident: whoever waits for the function gets an error. Restarts go on. */
const maxFailedStarts = 3;

/** Starts a process and watches over it. */
export function keepFunctionProcess(options: FunctionProcessOptions): FunctionProcess {
  let state: ProcessState = 'stopped';
  let program: ChildProgram | undefined;
  let listening = Promise.withResolvers<number>();
  let failedStarts = 0;
  let cancelRestart: (() => void) | undefined;
  let stopping = false;
  let invocations = 0;
  let frozen = false;
  const first = Promise.withResolvers<void>();
  // Both are awaited only by who is interested.
  first.promise.catch(() => {});
  listening.promise.catch(() => {});

  function start(): void {
    cancelRestart?.();
    cancelRestart = undefined;
    stopping = false;
    state = 'starting';
    const current = options.spawn((port) => {
      if (program !== current) return;
      state = 'ready';
      failedStarts = 0;
      first.resolve();
      listening.resolve(port);
      freezeIfIdle();
    });
    program = current;
    frozen = false;
    void current.exited.then((exit) => ended(current, exit));
  }

  function ended(ended: ChildProgram, exit: Exit): void {
    if (program !== ended) return;
    program = undefined;
    options.onExit(exit, stopping);
    if (state === 'ready') {
      listening = Promise.withResolvers<number>();
      listening.promise.catch(() => {});
    } else {
      failedStarts += 1;
      if (failedStarts >= maxFailedStarts) {
        first.reject(new Error(`The function ${options.name} does not start: its process ${describeExit(exit)}`));
      }
    }
    if (options.keepAlive && !stopping) {
      state = 'waiting';
      const wait = Math.min(maxRestartMs, minRestartMs * 2 ** failedStarts);
      cancelRestart = options.clock.after(wait, start);
      return;
    }
    giveUp(`the process of ${options.name} ${describeExit(exit)} and is not started again`);
  }

  function freezeIfIdle(): void {
    if (!options.freezeIdle || invocations > 0 || state !== 'ready' || stopping) return;
    frozen = true;
    program?.kill('SIGSTOP');
  }

  function thaw(): void {
    if (!frozen) return;
    frozen = false;
    program?.kill('SIGCONT');
  }

  function giveUp(reason: string): void {
    state = 'stopped';
    const error = new Error(reason);
    first.reject(error);
    listening.reject(error);
    listening = Promise.withResolvers<number>();
    listening.promise.catch(() => {});
  }

  start();
  return {
    state: () => state,
    pid: () => program?.pid,
    firstReady: first.promise,
    busy: () => invocations,
    begin() {
      invocations += 1;
      thaw();
    },
    end() {
      invocations -= 1;
      freezeIfIdle();
    },
    async gone() {
      await program?.exited;
    },
    port: () => (state === 'stopped' ? Promise.reject(new Error(`${options.name} is stopped`)) : listening.promise),
    async kill(signal) {
      const target = program;
      target?.kill(signal);
      // A process that is stopped meets no other signal than SIGKILL.
      thaw();
      await target?.exited;
    },
    start() {
      if (state === 'stopped') start();
    },
    async stop(graceMs) {
      stopping = true;
      cancelRestart?.();
      cancelRestart = undefined;
      const target = program;
      if (!target) {
        if (state !== 'stopped') giveUp(`${options.name} was stopped`);
        return;
      }
      target.kill('SIGTERM');
      thaw();
      if (!(await within(options.clock, graceMs, target.exited))) target.kill('SIGKILL');
      await target.exited;
    },
  };
}
