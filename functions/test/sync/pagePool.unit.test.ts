import assert from 'node:assert/strict';
import { createMemory } from '../../src/sync/memory/memory.ts';
import { workThrough } from '../../src/sync/pages/pagePool.ts';
import { createThrottle } from '../../src/sync/pages/throttle.ts';

const never = () => false;

/** Pieces of which none waits for memory. */
const plenty = { memory: createMemory(1), bytesOf: () => 0 };

describe('a page pool', () => {
  it('works on every piece once, also on those that pieces add', async () => {
    const seen: number[] = [];
    const left = await workThrough([8], {
      throttle: createThrottle(),
      ...plenty,
      isOver: never,
      async work(piece, pool) {
        seen.push(piece);
        if (piece > 1) pool.enqueue(piece / 2, piece / 2);
        await Promise.resolve();
      },
    });
    assert.deepEqual(left, []);
    assert.equal(seen.length, 15);
  });

  it('keeps the limit of the process with any number of pools', async () => {
    const throttle = createThrottle({ initial: 3, most: 3 });
    let inFlight = 0;
    let most = 0;
    const pools = Array.from({ length: 5 }, () =>
      workThrough([1, 2, 3, 4], {
        throttle,
        ...plenty,
        ...plenty,
        isOver: never,
        async work() {
          inFlight += 1;
          most = Math.max(most, inFlight);
          await new Promise((resolve) => setImmediate(resolve));
          inFlight -= 1;
        },
      }),
    );
    await Promise.all(pools);
    assert.equal(most, 3);
    assert.equal(throttle.free(), 3);
  });

  it('returns what is left when it is over, and waits for what is in flight', async () => {
    let isOver = false;
    let ended = 0;
    const left = await workThrough([1, 2, 3], {
      throttle: createThrottle({ most: 2 }),
      ...plenty,
      isOver: () => isOver,
      async work() {
        isOver = true;
        await new Promise((resolve) => setImmediate(resolve));
        ended += 1;
      },
    });
    assert.deepEqual([left.length, ended], [2, 1]);
  });

  it('raises the error of a piece when the others in flight have ended, and gives all places back', async () => {
    const throttle = createThrottle();
    let begun = 0;
    let ended = 0;
    const run = workThrough([1, 2, 3], {
      throttle,
      ...plenty,
      isOver: never,
      async work(piece) {
        begun += 1;
        if (piece === 2) throw new Error('broken');
        await new Promise((resolve) => setImmediate(resolve));
        ended += 1;
      },
    });
    await assert.rejects(run, /broken/);
    assert.deepEqual([ended, throttle.free()], [begun - 1, 4]);
  });

  it('gets fewer places after Firestore has asked for less, and more again in time', async () => {
    const throttle = createThrottle({ initial: 4, most: 8 });
    throttle.pushedBack();
    assert.equal(throttle.free(), 2);
    for (let page = 0; page < 100; page += 1) throttle.succeeded();
    assert.equal(throttle.free(), 8);
  });
});
