// Questions and answers between a benchmark and the processes that it measures, over Node's own channel between parent
// and child.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { syncInstanceMiB } from '../../src/sync/instance.ts';

// The client libraries would look for a metadata server of the cloud, for seconds, at every start: here and in each
// child.
process.env.METADATA_SERVER_DETECTION ??= 'none';

const questionSchema = z.object({ id: z.number(), method: z.string(), argument: z.unknown() });
const answerSchema = z.union([
  z.object({ id: z.number(), result: z.unknown() }),
  z.object({ id: z.number(), error: z.string() }),
]);

/** What a child process can be asked, by name. */
export type Handlers = Readonly<Record<string, (argument: unknown) => unknown>>;

/** Answers the parent's questions; ends the process when the parent is gone. */
export function answerParent(handlers: Handlers): void {
  const answer = (message: object) => void process.send?.(message);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message) => {
    const { id, method, argument } = questionSchema.parse(message);
    Promise.resolve()
      .then(() => {
        const handler = handlers[method];
        if (handler === undefined) throw new Error(`there is no method ${method}`);
        return handler(argument);
      })
      .then(
        (result) => answer({ id, result: result ?? null }),
        (error: unknown) =>
          answer({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
  });
}

/** A child process that answers questions. */
export interface Answering {
  readonly pid: number;
  /** @throws Error with what the child's handler threw, or when the child has died */
  ask<T>(method: string, argument: unknown, answer: z.ZodType<T>): Promise<T>;
  close(): Promise<void>;
}

/** How all functions are started. */
const { NODE_OPTIONS = '' } = parseEnv(readFileSync(join(import.meta.dirname, '..', '..', '.env'), 'utf8'));

/** Of the memory of the function that does this work, V8 takes half for its heap, as it does in a container of that
 *  size. On a large machine it would let garbage lie, and resident memory would say nothing about what the work
 *  needs. */
export const likeTheFunction = [`--max-heap-size=${syncInstanceMiB / 2}`, ...NODE_OPTIONS.split(' ')];

/** A local server holds all documents in its heap: millions of assets take some GiB. */
export const roomForMany = ['--max-old-space-size=12288'];

/** Starts a TypeScript program as a process of its own. */
export function startAnswering(
  program: string,
  words: readonly string[] = [],
  nodeFlags: readonly string[] = [],
): Answering {
  const child: ChildProcess = fork(program, [...words], {
    execArgv: [...nodeFlags],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const open = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  let questions = 0;
  child.on('message', (message) => {
    const answer = answerSchema.parse(message);
    const question = open.get(answer.id);
    open.delete(answer.id);
    if ('error' in answer) question?.reject(new Error(`${program}: ${answer.error}`));
    else question?.resolve(answer.result);
  });
  const exited = once(child, 'exit');
  child.on('exit', (code, signal) => {
    for (const { reject } of open.values())
      reject(new Error(`${program} ended (${signal ?? code}) before it answered`));
    open.clear();
  });
  return {
    pid: child.pid ?? 0,
    async ask(method, argument, schema) {
      questions += 1;
      const id = questions;
      const result = await new Promise<unknown>((resolve, reject) => {
        open.set(id, { resolve, reject });
        child.send({ id, method, argument }, (error) => error && reject(error));
      });
      return schema.parse(result);
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.disconnect();
      await exited;
    },
  };
}
