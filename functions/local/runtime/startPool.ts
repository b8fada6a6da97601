import { type Clock, systemClock } from '../../src/clock.ts';
import { describeExit, startChild } from './childProgram.ts';
import { createFunctionPool, type FunctionPool } from './functionPool.ts';
import { type FunctionProcess, keepFunctionProcess } from './functionProcess.ts';
import { parseLogLine, type RuntimeLogEntry } from './logLine.ts';
import type { FunctionSpec } from './manifest.ts';

export interface StartPoolOptions {
  readonly bundle: string;
  readonly env: Readonly<Record<string, string>>;
  /** Full name of the topic whose messages reach the function; undefined: it serves requests. */
  readonly topic: string | undefined;
  readonly clock: Clock;
  readonly log: (entry: RuntimeLogEntry) => void;
  readonly keepAlive?: boolean;
  readonly freezeIdle?: boolean;
  readonly pendingMs?: number;
  readonly mostInstances?: number;
}

/** Starts the first instance of a function, and more as they are needed, each as a process that serves it. */
export function startPool(spec: FunctionSpec, options: StartPoolOptions): FunctionPool {
  const { name, memoryMiB } = spec;
  const { bundle, env, topic, clock, log, pendingMs, mostInstances } = options;
  const args = [bundle, name, spec.trigger.kind, ...(topic === undefined ? [] : [topic])];

  function start(keptAlive: boolean): FunctionProcess {
    return keepFunctionProcess({
      name,
      clock: systemClock,
      keepAlive: keptAlive && options.keepAlive !== false,
      freezeIdle: options.freezeIdle === true,
      spawn(onListening) {
        const child = startChild('serve', args, {
          env,
          memoryMiB,
          onLine: (line, stream) => log({ function: name, pid: child.pid, ...parseLogLine(line, stream) }),
          onMessage: (message) => {
            if (message.kind === 'listening') onListening(message.port);
          },
        });
        return child;
      },
      onExit(exit, expected) {
        const message = `the process ${describeExit({ ...exit, lastErrors: '' })}`;
        if (!expected) log({ function: name, severity: 'ERROR', message });
      },
    });
  }

  return createFunctionPool({ spec, clock, pendingMs, mostInstances, start });
}
