import assert from 'node:assert/strict';
import fc from 'fast-check';
import { automaticIndexes } from '../../../../local/servers/firestore/query/indexConfig.ts';
import { createIndexEntries } from '../../../../local/servers/firestore/query/indexEntries.ts';
import type { Query } from '../../../../local/servers/firestore/query/query.ts';
import { runQuery } from '../../../../local/servers/firestore/query/runQuery.ts';
import { FirestoreError } from '../../../../local/servers/firestore/status.ts';
import { createDatabase, type Database } from '../../../../local/servers/firestore/store/database.ts';
import type { Store } from '../../../../local/servers/firestore/store/store.ts';
import type { Transaction } from '../../../../local/servers/firestore/store/transactions.ts';
import type { Write } from '../../../../local/servers/firestore/store/writes.ts';
import { fieldOf } from '../../../../local/servers/firestore/values/document.ts';
import { parseFieldPath } from '../../../../local/servers/firestore/values/fieldPath.ts';
import type { Value } from '../../../../local/servers/firestore/values/value.ts';
import { systemClock } from '../../../../src/clock.ts';

const aborted = 10;
const databaseName = 'projects/p/databases/(default)';
const n = parseFieldPath('n');
const never = new AbortController().signal;

const set = (path: string, value: number): Write => ({
  path,
  precondition: undefined,
  operation: {
    type: 'update',
    fields: new Map<string, Value>([['n', { type: 'integer', value: BigInt(value) }]]),
    mask: undefined,
  },
  transforms: [],
});

const read = async (database: Database, transaction: Transaction, path: string): Promise<number> => {
  const { result } = await database.read({ type: 'transaction', transaction }, never, (store) => ({
    result: store.get(path),
    set: { paths: [path], ranges: [] },
  }));
  const value = result && fieldOf(result, n);
  return value?.type === 'integer' ? Number(value.value) : 0;
};

/** All documents of a collection whose n is 1. */
const taken: Query = {
  parent: '',
  collectionId: 'seats',
  allDescendants: false,
  disjuncts: [[{ field: n, op: 'equal', value: { type: 'integer', value: 1n } }]],
  orders: [{ field: parseFieldPath('__name__'), descending: false }],
  startAt: undefined,
  endAt: undefined,
  offset: 0,
  limit: undefined,
  select: undefined,
};

const count = async (database: Database, transaction: Transaction): Promise<number> => {
  const { result } = await database.read({ type: 'transaction', transaction }, never, (store: Store) => {
    const found = runQuery(databaseName, store, taken);
    return {
      result: found.documents.length,
      set: { paths: found.examined.map(({ path }) => path), ranges: found.ranges },
    };
  });
  return result;
};

/** Lets others run: as many turns of the event loop as the schedule says. */
const pause = async (turns: number) => {
  for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Runs a transaction until it is not aborted, as client libraries do. */
async function attempt(
  database: Database,
  body: (transaction: Transaction) => Promise<readonly Write[]>,
): Promise<void> {
  for (;;) {
    const transaction = database.begin({ readOnly: false });
    try {
      await database.commit(await body(transaction), transaction, never);
      return;
    } catch (error) {
      database.transactions.end(transaction);
      if (!(error instanceof FirestoreError) || error.code !== aborted) throw error;
    }
  }
}

const schedule = fc.array(
  fc.record({ account: fc.nat(2), other: fc.nat(2), turns: fc.array(fc.nat(3), { minLength: 3, maxLength: 3 }) }),
  {
    minLength: 2,
    maxLength: 8,
  },
);

describe('Firestore locks', () => {
  let tokens = 0;
  const create = () =>
    createDatabase(databaseName, {
      indexEntries: createIndexEntries(automaticIndexes),
      clock: systemClock,
      lockTimeoutMs: 20_000,
      changed: () => {},
      newToken: () => {
        tokens += 1;
        return Buffer.from(`token-${tokens}`);
      },
    });

  it('make concurrent transactions that read and then write add up, as if one ran after the other', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async (steps) => {
        const database = create();
        await Promise.all(
          steps.map(({ account, other, turns: [first = 0, second = 0, third = 0] }) =>
            pause(first).then(() =>
              attempt(database, async (transaction) => {
                const from = await read(database, transaction, `accounts/${account}`);
                await pause(second);
                const to = await read(database, transaction, `accounts/${other}`);
                await pause(third);
                if (account === other) return [set(`accounts/${account}`, from)];
                return [set(`accounts/${account}`, from - 1), set(`accounts/${other}`, to + 1)];
              }),
            ),
          ),
        );
        const balance = (id: number) =>
          steps.reduce((sum, { account, other }) => sum + Number(other === id) - Number(account === id), 0);
        const final = database.begin({ readOnly: true });
        for (const id of [0, 1, 2]) assert.equal(await read(database, final, `accounts/${id}`), balance(id));
        database.close();
      }),
      { numRuns: 150 },
    );
  });

  it('keep the count that a transaction has taken true until it has written, so that no limit is overrun', async () => {
    const capacity = 2;
    await fc.assert(
      fc.asyncProperty(schedule, async (steps) => {
        const database = create();
        await Promise.all(
          steps.map(({ turns: [first = 0, second = 0] }, i) =>
            pause(first).then(() =>
              attempt(database, async (transaction) => {
                const seats = await count(database, transaction);
                await pause(second);
                // Some book by creating a seat, some by changing one that was not part of the count.
                return seats < capacity ? [set(`seats/${i % 5}`, 1)] : [];
              }),
            ),
          ),
        );
        const final = database.begin({ readOnly: true });
        assert.equal(await count(database, final), Math.min(capacity, new Set(steps.map((_, i) => i % 5)).size));
        database.close();
      }),
      { numRuns: 150 },
    );
  });

  it('let writes outside of transactions through between them, and lose none', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async (steps) => {
        const database = create();
        const outside = steps.map(({ turns: [first = 0] }, i) =>
          pause(first).then(() => database.commit([set(`log/${i}`, 1)], undefined, never)),
        );
        const inside = steps.map(({ turns: [, second = 0] }, i) =>
          attempt(database, async (transaction) => {
            const seen = await read(database, transaction, `log/${i}`);
            await pause(second);
            return [set(`seen/${i}`, seen), set(`log/${i}`, seen + 1)];
          }),
        );
        await Promise.all([...outside, ...inside]);
        const final = database.begin({ readOnly: true });
        for (const [i] of steps.entries()) {
          const seen = await read(database, final, `seen/${i}`);
          // Either the write outside came first and was seen, or it came last and stands.
          assert.equal(await read(database, final, `log/${i}`), seen === 1 ? 2 : 1);
        }
        database.close();
      }),
      { numRuns: 150 },
    );
  });
});
