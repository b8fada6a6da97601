/** What our Firestore or Pub/Sub does instead of serving a call. MongoDB has fail points of its own. */
export interface Fault {
  /** Answer with this error: a gRPC status name (`UNAVAILABLE`, `ABORTED` …). */
  readonly error?: { readonly code: string; readonly message?: string };
  /** Wait this long before the call is served (or failed), in ms of the server's clock. */
  readonly latencyMs?: number;
  /** Destroy the connection instead of answering. */
  readonly drop?: boolean;
  /** Apply the call's effect first and then fail: the client sees an error for something that happened. Default:
   *  false. */
  readonly afterEffect?: boolean;
}

/** The faults that a test has asked one server for. */
export interface Faults {
  /** The next `times` (default 1) calls of `method` meet `fault`. Faults of one method queue up in
   *  order. */
  inject(method: string, fault: Fault, times?: number): void;
  /** Forgets every fault that has not been met yet. */
  clear(): void;
  /** For the server: the fault that this call meets, if any; it is used up by this. */
  take(method: string): Fault | undefined;
  /** How many injected faults have not been met yet. */
  pending(): number;
}

/** Creates an empty set of faults for one server. */
export function createFaults(): Faults {
  let queue: { method: string; fault: Fault; times: number }[] = [];
  return {
    inject(method, fault, times = 1) {
      queue.push({ method, fault, times });
    },
    clear() {
      queue = [];
    },
    take(method) {
      const entry = queue.find((candidate) => candidate.method === method);
      if (!entry) return undefined;
      entry.times -= 1;
      if (entry.times <= 0) queue = queue.filter((candidate) => candidate !== entry);
      return entry.fault;
    },
    pending: () => queue.reduce((sum, entry) => sum + entry.times, 0),
  };
}
