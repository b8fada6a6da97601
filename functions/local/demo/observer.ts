import type { Firestore, Query } from 'firebase-admin/firestore';
import type { AssetCollection, Config } from '../../src/config/defineConfig.ts';
import { assetsOf } from '../../src/sync/pages/assets.ts';
import type { Meter } from '../servers/firestore/meter.ts';

/** A count of an index costs one read per so many entries:
 *  https://firebase.google.com/docs/firestore/pricing#aggregation_queries */
const entriesPerRead = 1_000;

/** Pause between two looks while waiting, in ms: short against the latencies that are measured. */
const lookEveryMs = 5;

/** Billed operations, without those of the observer. */
export interface Billed {
  readonly reads: number;
  readonly writes: number;
  readonly deletes: number;
}

/** Looks at Firestore from outside, and keeps account of what its own looking costs. */
export interface Observer {
  /** Assets of a project in all configured collections. */
  count(projectId: string): Promise<number>;
  /** Assets of a project whose copies of a field show a value; in collections with such copies only. */
  countShowing(projectId: string, field: string, value: unknown): Promise<number>;
  /** The same of the name. */
  countNamed(projectId: string, name: string): Promise<number>;
  countOf(query: Query): Promise<number>;
  /** Looks again and again until the condition holds. @throws Error that says what was waited for, after
   *  `timeoutMs`. */
  until(what: string, condition: () => Promise<boolean>, timeoutMs?: number): Promise<void>;
  /** What was billed for something, without the observer's own looks; undefined where Firestore has no meter. */
  billing(): () => Billed | undefined;
}

const defaultTimeoutMs = 60_000;

export function createObserver(firestore: Firestore, config: Config, meter: Meter | undefined): Observer {
  let ownReads = 0;

  async function countOf(query: Query): Promise<number> {
    const { count } = (await query.count().get()).data();
    ownReads += Math.max(1, Math.ceil(count / entriesPerRead));
    return count;
  }

  const sum = async (collections: readonly AssetCollection[], queryOf: (collection: AssetCollection) => Query) =>
    (await Promise.all(collections.map((collection) => countOf(queryOf(collection))))).reduce((a, b) => a + b, 0);

  const countShowing = (projectId: string, field: string, value: unknown) =>
    sum(
      config.collections.filter(({ copies }) => copies[field] !== undefined),
      (collection) => assetsOf(firestore, collection, projectId).where(collection.copies[field] ?? '', '==', value),
    );

  return {
    countOf,
    count: (projectId) => sum(config.collections, (collection) => assetsOf(firestore, collection, projectId)),
    countShowing,
    countNamed: (projectId, name) => countShowing(projectId, 'name', name),
    async until(what, condition, timeoutMs = defaultTimeoutMs) {
      const deadline = Date.now() + timeoutMs;
      while (!(await condition())) {
        if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s for: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
      }
    },
    billing() {
      const before = meter?.snapshot();
      const readsBefore = ownReads;
      return () => {
        if (meter === undefined || before === undefined) return undefined;
        const { reads, writes, deletes } = meter.diff(before);
        return { reads: reads - (ownReads - readsBefore), writes, deletes };
      };
    },
  };
}
