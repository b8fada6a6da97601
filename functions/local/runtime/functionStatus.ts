import type { FunctionPool } from './functionPool.ts';
import type { ProcessState } from './functionProcess.ts';

/** A running function, as `functions()` and GET / show it. */
export interface FunctionStatus {
  readonly name: string;
  readonly kind: 'pubsub' | 'firestore' | 'schedule' | 'https';
  readonly topic?: string;
  readonly document?: string;
  readonly schedule?: string;
  /** Of an HTTPS function. */
  readonly url?: string;
  /** Process of the first instance. */
  readonly pid: number | undefined;
  /** Every process that it has now. */
  readonly pids: readonly number[];
  /** How many processes it has now. */
  readonly instances: number;
  readonly state: ProcessState;
  readonly invocations: number;
  /** Invocations that threw, took too long or died with their process. */
  readonly errors: number;
}

/** What a function is doing; `url` is that of the front door. */
export function functionStatus(pool: FunctionPool, url: string): FunctionStatus {
  const { name, trigger } = pool.spec;
  const [first] = pool.instances();
  const pids = pool.instances().flatMap((instance) => instance.pid() ?? []);
  return {
    name,
    kind: trigger.kind,
    ...(trigger.kind === 'pubsub' && { topic: trigger.topic }),
    ...(trigger.kind === 'firestore' && { document: trigger.document }),
    ...(trigger.kind === 'schedule' && { schedule: trigger.schedule }),
    ...(trigger.kind === 'https' && { url: `${url}/${name}` }),
    pid: first?.pid(),
    pids,
    instances: pids.length,
    state: first?.state() ?? 'stopped',
    ...pool.counts(),
  };
}
