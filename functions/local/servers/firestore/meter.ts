// What production would bill, by the published rules: https://firebase.google.com/docs/firestore/pricing

/** Operations of one collection, or of all. */
export interface Operations {
  readonly reads: number;
  readonly writes: number;
  readonly deletes: number;
}

/** What has been called and billed since the meter was started or reset. */
export interface Usage extends Operations {
  /** Calls by method name, failed ones too. */
  readonly rpcs: Readonly<Record<string, number>>;
  /** The same operations by root collection (the first segment of the document's path; a collection group that found
   *  nothing counts by its own id). */
  readonly collections: Readonly<Record<string, Operations>>;
}

export interface Meter {
  snapshot(): Usage;
  reset(): void;
  /** What has been billed since an earlier snapshot. */
  diff(since: Usage): Usage;
  /** The usage of each caller: by the bearer token that it sent (a client sets it with the setting `customHeaders`), or
   *  by its address if it sent the SDK's own token for emulators. */
  callers(): Readonly<Record<string, Usage>>;
}

/** The side of the meter that one caller turns. */
export interface CallMeter {
  bill(what: keyof Operations, collection: string, count?: number): void;
  call(method: string): void;
}

/** The side of the meter that the server turns. */
export interface MeterRecorder extends Meter {
  of(caller: string): CallMeter;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
interface Counters {
  readonly rpcs: Record<string, number>;
  readonly collections: Record<string, Mutable<Operations>>;
}

const noCounters = (): Counters => ({ rpcs: {}, collections: {} });

export function createMeter(): MeterRecorder {
  let callers: Record<string, Counters> = {};
  const of = (caller: string) => {
    callers[caller] ??= noCounters();
    return callers[caller];
  };
  const total = () => {
    const sum = noCounters();
    for (const counters of Object.values(callers)) add(sum, counters, 1);
    return sum;
  };

  return {
    snapshot: () => usageOf(total()),
    reset() {
      callers = {};
    },
    diff(since) {
      const difference = total();
      add(difference, since, -1);
      return usageOf(difference);
    },
    callers: () => Object.fromEntries(Object.entries(callers).map(([caller, counters]) => [caller, usageOf(counters)])),
    of: (caller) => ({
      bill(what, collection, count = 1) {
        if (count > 0) operationsOf(of(caller), collection)[what] += count;
      },
      call(method) {
        const { rpcs } = of(caller);
        rpcs[method] = (rpcs[method] ?? 0) + 1;
      },
    }),
  };
}

function operationsOf({ collections }: Counters, collection: string): Mutable<Operations> {
  collections[collection] ??= { reads: 0, writes: 0, deletes: 0 };
  return collections[collection];
}

function add(to: Counters, from: Pick<Usage, 'rpcs' | 'collections'>, sign: 1 | -1): void {
  for (const [method, calls] of Object.entries(from.rpcs)) to.rpcs[method] = (to.rpcs[method] ?? 0) + sign * calls;
  for (const [collection, { reads, writes, deletes }] of Object.entries(from.collections)) {
    const sum = operationsOf(to, collection);
    sum.reads += sign * reads;
    sum.writes += sign * writes;
    sum.deletes += sign * deletes;
  }
}

/** A copy of the counters that have moved, and their sum. */
function usageOf({ rpcs, collections }: Counters): Usage {
  const moved = Object.entries(collections).filter(([, used]) => used.reads + used.writes + used.deletes > 0);
  const sum = (what: keyof Operations) => moved.reduce((total, [, used]) => total + used[what], 0);
  return {
    reads: sum('reads'),
    writes: sum('writes'),
    deletes: sum('deletes'),
    rpcs: Object.fromEntries(Object.entries(rpcs).filter(([, calls]) => calls > 0)),
    collections: Object.fromEntries(moved.map(([collection, used]) => [collection, { ...used }])),
  };
}
