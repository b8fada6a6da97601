import type { IncomingRequest } from '../requests/request.ts';

/** A command that is being run. */
export interface RunningOperation {
  readonly id: number;
  readonly request: IncomingRequest;
  /** In ms since the epoch. */
  readonly startedAt: number;
  /** Aborted by `killOp`, and when the connection closes. */
  readonly signal: AbortSignal;
  end(): void;
}

/** All commands that are being run, for `currentOp` and `killOp`. */
export interface RunningOperations {
  begin(request: IncomingRequest): RunningOperation;
  /** Interrupts a command that waits; any other has ended before one could. */
  kill(id: number): void;
  all(): readonly RunningOperation[];
}

export function createRunningOperations(now: () => number): RunningOperations {
  const running = new Map<number, { operation: RunningOperation; interrupt(): void }>();
  let lastId = 0;
  return {
    begin(request) {
      lastId += 1;
      const id = lastId;
      const controller = new AbortController();
      const interrupt = () => controller.abort(new Error('the operation was interrupted'));
      const { signal } = request.connection;
      signal.addEventListener('abort', interrupt, { once: true });
      const end = () => {
        signal.removeEventListener('abort', interrupt);
        running.delete(id);
      };
      const operation = { id, request, startedAt: now(), signal: controller.signal, end };
      running.set(id, { operation, interrupt });
      return operation;
    },
    kill: (id) => running.get(id)?.interrupt(),
    all: () => [...running.values()].map(({ operation }) => operation),
  };
}
