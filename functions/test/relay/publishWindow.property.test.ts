import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createPublishWindow } from '../../src/relay/publishWindow.ts';

const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), bytes: fc.nat(50) }),
  fc.record({ kind: fc.constant('pass' as const) }),
  fc.record({ kind: fc.constant('settle' as const), pick: fc.nat() }),
);

// I1: the checkpoint never passes a change that is not published. I6: what waits is bounded.
describe('publish window', () => {
  it('never passes what is unpublished, stands right before it, and stays bounded', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const limits = { maxInFlight: 8, maxInFlightBytes: 100 };
        const window = createPublishWindow<number>(limits);
        const unsettled = new Map<number, { readonly bytes: number; readonly settle: () => void }>();
        let largest = 0;
        let position = 0;
        for (const one of steps) {
          if (one.kind === 'add') {
            if (!window.hasRoom()) continue;
            position += 1;
            unsettled.set(position, { bytes: one.bytes, settle: window.add(position, one.bytes).settle });
            largest = Math.max(largest, one.bytes);
          } else if (one.kind === 'pass') {
            position += 1;
            window.pass(position);
          } else {
            const keys = [...unsettled.keys()];
            const key = keys[one.pick % Math.max(1, keys.length)];
            if (key === undefined) continue;
            unsettled.get(key)?.settle();
            unsettled.get(key)?.settle();
            unsettled.delete(key);
          }
          const oldest = Math.min(...unsettled.keys());
          assert.equal(window.oldest(), unsettled.size === 0 ? undefined : oldest);
          if (unsettled.size === 0) {
            assert.equal(window.published() ?? 0, position);
          } else {
            assert.ok((window.published() ?? 0) < oldest);
          }
          assert.equal(window.unpublished(), unsettled.size);
          assert.ok(unsettled.size <= limits.maxInFlight);
          const bytes = [...unsettled.values()].reduce((sum, entry) => sum + entry.bytes, 0);
          assert.ok(bytes < limits.maxInFlightBytes + largest, `${bytes} bytes are unsettled`);
          // What is settled makes room again.
          if (unsettled.size === 0) assert.ok(window.hasRoom());
        }
      }),
      { numRuns: 300 },
    );
  });

  it('stands on the last published change in front of an unpublished one', () => {
    const window = createPublishWindow<string>({ maxInFlight: 10, maxInFlightBytes: 10 });
    const settle = ['a', 'b', 'c'].map((position) => window.add(position, 1).settle);
    settle[2]?.();
    assert.equal(window.published(), undefined);
    settle[0]?.();
    assert.equal(window.published(), 'a');
    window.pass('d');
    assert.equal(window.published(), 'a');
    settle[1]?.();
    assert.equal(window.published(), 'd');
  });

  it('makes whoever waits for room or emptiness go on', async () => {
    const window = createPublishWindow<number>({ maxInFlight: 10, maxInFlightBytes: 10 });
    const first = window.add(1, 9);
    const second = window.add(2, 9);
    let order: string[] = [];
    const room = window.room().then(() => order.push('room'));
    const empty = window.emptied().then(() => order.push('empty'));
    first.settle();
    await room;
    assert.deepEqual(order, ['room']);
    second.settle();
    await empty;
    assert.deepEqual(order, ['room', 'empty']);
    order = [];
    await Promise.all([window.room(), window.emptied()]);
  });

  it('makes room when a change turns out to be smaller, and none when it is published by then', async () => {
    const window = createPublishWindow<number>({ maxInFlight: 10, maxInFlightBytes: 10 });
    const large = window.add(1, 10);
    const room = window.room();
    large.resize(4);
    await room;
    window.add(2, 6);
    assert.equal(window.hasRoom(), false);
    large.settle();
    large.resize(9);
    assert.equal(window.hasRoom(), true);
  });

  it('keeps adders that wait for room below the limit and one change more, and lets all of them in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(60), { minLength: 1, maxLength: 60 }),
        fc.array(fc.nat(), { minLength: 1 }),
        async (sizes, picks) => {
          const limits = { maxInFlight: 1_000, maxInFlightBytes: 100 };
          const window = createPublishWindow<number>(limits);
          const unsettled: { readonly bytes: number; readonly settle: () => void }[] = [];
          let mostBytes = 0;
          let added = 0;
          const adding = (async () => {
            for (const [position, bytes] of sizes.entries()) {
              await window.room();
              unsettled.push({ bytes, settle: window.add(position, bytes).settle });
              added += 1;
              mostBytes = Math.max(
                mostBytes,
                unsettled.reduce((sum, entry) => sum + entry.bytes, 0),
              );
            }
          })();
          for (let turn = 0; added < sizes.length || unsettled.length > 0; turn += 1) {
            assert.ok(turn <= 2 * sizes.length, 'every turn settles a change or lets one in');
            await new Promise((resolve) => setImmediate(resolve));
            const pick = (picks[turn % picks.length] ?? 0) % Math.max(1, unsettled.length);
            for (const { settle } of unsettled.splice(pick, 1)) settle();
          }
          await adding;
          assert.ok(mostBytes < limits.maxInFlightBytes + Math.max(...sizes), `${mostBytes} bytes`);
          assert.equal(window.published(), sizes.length - 1);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('counts a change that stays unpublished against the room behind it, however many follow it', () => {
    const window = createPublishWindow<number>({ maxInFlight: 3, maxInFlightBytes: 100 });
    window.add(1, 1);
    window.add(2, 1).settle();
    assert.ok(window.hasRoom());
    window.add(3, 1).settle();
    assert.ok(!window.hasRoom());
  });
});
