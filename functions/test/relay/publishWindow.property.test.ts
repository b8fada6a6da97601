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
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const limits = { maxInFlight: 8, maxInFlightBytes: 100 };
        const window = createPublishWindow<number>(limits);
        const unsettled = new Map<number, () => void>();
        let position = 0;
        for (const one of steps) {
          if (one.kind === 'add') {
            if (!window.hasRoom()) continue;
            position += 1;
            unsettled.set(position, window.add(position, one.bytes));
          } else if (one.kind === 'pass') {
            position += 1;
            window.pass(position);
          } else {
            const keys = [...unsettled.keys()];
            const key = keys[one.pick % Math.max(1, keys.length)];
            if (key === undefined) continue;
            unsettled.get(key)?.();
            unsettled.get(key)?.();
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
        }
      }),
      { numRuns: 300 },
    );
  });

  it('stands on the last published change in front of an unpublished one', () => {
    const window = createPublishWindow<string>({ maxInFlight: 10, maxInFlightBytes: 10 });
    const settle = ['a', 'b', 'c'].map((position) => window.add(position, 1));
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
    first();
    await room;
    assert.deepEqual(order, ['room']);
    second();
    await empty;
    assert.deepEqual(order, ['room', 'empty']);
    order = [];
    await Promise.all([window.room(), window.emptied()]);
  });

  it('counts a change that stays unpublished against the room behind it, however many follow it', () => {
    const window = createPublishWindow<number>({ maxInFlight: 3, maxInFlightBytes: 100 });
    window.add(1, 1);
    window.add(2, 1)();
    assert.ok(window.hasRoom());
    window.add(3, 1)();
    assert.ok(!window.hasRoom());
  });
});
