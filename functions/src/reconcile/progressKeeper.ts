import { type Clock, sleep } from '../clock.ts';
import type { ToRepair } from './findings.ts';
import type { ReconcileJob } from './jobRecord.ts';
import type { JobStore } from './jobStore.ts';

/** Keeps the progress of a run in the background, and with it the lease. */
export interface ProgressKeeper {
  /** The progress has changed: `found` is new since the last call. Findings and progress are kept together, or
   *  neither. */
  changed(found: readonly ToRepair[]): void;
  /** Resolves when there is room for further findings: bounds what is held in memory. */
  room(): Promise<void>;
  /** Keeps everything now. */
  flush(): Promise<void>;
  /** Ends the work in the background; what is not kept yet is returned. */
  stop(): Promise<readonly ToRepair[]>;
}

/** Findings that may wait to be kept. */
const maxWaiting = 2_000;

/** The lease is renewed when this part of it is over. */
const renewAfterShare = 1 / 3;

export interface ProgressKeeperOptions {
  readonly store: JobStore;
  readonly job: ReconcileJob;
  readonly clock: Clock;
  readonly saveEveryMs: number;
  readonly leaseMs: number;
  /** Called once when progress cannot be kept, so that the run stops. */
  readonly onError: (error: unknown) => void;
}

export function createProgressKeeper(options: ProgressKeeperOptions): ProgressKeeper {
  const { store, job, clock, saveEveryMs, leaseMs, onError } = options;
  let waiting: ToRepair[] = [];
  let isDirty = false;
  let savedAt = clock.now();
  let saving: Promise<void> = Promise.resolve();
  const stopped = new AbortController();

  async function save(): Promise<void> {
    const found = waiting;
    waiting = [];
    isDirty = false;
    try {
      await store.save(job, found);
      savedAt = clock.now();
    } catch (error) {
      waiting = [...found, ...waiting];
      isDirty = true;
      throw error;
    }
  }

  /** One save after another; each waits for the one before, whatever came of it. */
  function enqueue(): Promise<void> {
    saving = saving.then(save, save);
    return saving;
  }

  async function background(): Promise<void> {
    while (!stopped.signal.aborted) {
      await sleep(clock, saveEveryMs, stopped.signal);
      if (isDirty || clock.now() - savedAt > leaseMs * renewAfterShare) await enqueue();
    }
  }

  const running = background().catch((error: unknown) => {
    if (!stopped.signal.aborted) onError(error);
  });

  return {
    changed(found) {
      waiting.push(...found);
      isDirty = true;
    },
    async room() {
      if (waiting.length >= maxWaiting) await enqueue();
    },
    flush: enqueue,
    async stop() {
      stopped.abort();
      await running;
      await saving.catch(() => undefined); // Raised to that save's caller already; what it did not keep is still waiting.
      return waiting;
    },
  };
}
