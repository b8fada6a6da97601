// What production would bill, by the published rules: https://firebase.google.com/docs/firestore/pricing

/** Operations of one collection, or of all. */
export interface Operations {
  readonly reads: number;
  readonly writes: number;
  readonly deletes: number;
}

/** What has been billed since the meter was started or reset. */
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
}

/** The side of the meter that the server turns. */
export interface MeterRecorder extends Meter {
  bill(what: keyof Operations, collection: string, count?: number): void;
  call(method: string): void;
}

const nothing: Operations = { reads: 0, writes: 0, deletes: 0 };

export function createMeter(): MeterRecorder {
  let rpcs: Record<string, number> = {};
  let collections: Record<string, { reads: number; writes: number; deletes: number }> = {};

  const snapshot = (): Usage => {
    const copies = Object.fromEntries(Object.entries(collections).map(([name, used]) => [name, { ...used }]));
    return { ...total(copies), rpcs: { ...rpcs }, collections: copies };
  };

  return {
    snapshot,
    reset() {
      rpcs = {};
      collections = {};
    },
    diff: (since) => difference(snapshot(), since),
    bill(what, collection, count = 1) {
      if (count === 0) return;
      const used = collections[collection] ?? { ...nothing };
      used[what] += count;
      collections[collection] = used;
    },
    call(method) {
      rpcs[method] = (rpcs[method] ?? 0) + 1;
    },
  };
}

function total(collections: Readonly<Record<string, Operations>>): Operations {
  return Object.values(collections).reduce(
    (sum, { reads, writes, deletes }) => ({
      reads: sum.reads + reads,
      writes: sum.writes + writes,
      deletes: sum.deletes + deletes,
    }),
    nothing,
  );
}

function difference(now: Usage, since: Usage): Usage {
  const rpcs = Object.fromEntries(
    Object.entries(now.rpcs)
      .map(([method, calls]) => [method, calls - (since.rpcs[method] ?? 0)] as const)
      .filter(([, calls]) => calls > 0),
  );
  const collections = Object.fromEntries(
    Object.entries(now.collections)
      .map(([name, used]) => [name, minus(used, since.collections[name] ?? nothing)] as const)
      .filter(([, used]) => used.reads + used.writes + used.deletes > 0),
  );
  return { ...minus(now, since), rpcs, collections };
}

const minus = (a: Operations, b: Operations): Operations => ({
  reads: a.reads - b.reads,
  writes: a.writes - b.writes,
  deletes: a.deletes - b.deletes,
});
