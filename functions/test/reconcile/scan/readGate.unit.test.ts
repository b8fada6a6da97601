// Attacks I6: the load that a run puts on a service is bounded.
import assert from 'node:assert/strict';
import { createReadGate } from '../../../src/reconcile/scan/readGate.ts';
import { manualClock } from '../../support/clock.ts';
import { settled } from '../../support/until.ts';

/** A clock, and what moves it and lets everything go on that then can. */
function movedClock() {
  const clock = manualClock();
  const advance = (ms: number) => {
    clock.advance(ms);
    return settled();
  };
  return { clock, advance };
}

describe('read gate', () => {
  const signal = new AbortController().signal;

  it('lets so many calls be in flight and no more, the first come first', async () => {
    const gate = createReadGate({ clock: manualClock(), signal, parallel: 2 });
    const began: number[] = [];
    const calls = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
    const passing = calls.map(({ promise }, number) =>
      gate.pass(1, () => {
        began.push(number);
        return promise;
      }),
    );
    await settled();
    assert.deepEqual(began, [0, 1]);
    calls[1]?.resolve();
    await settled();
    assert.deepEqual(began, [0, 1, 2]);
    for (const { resolve } of calls) resolve();
    await Promise.all(passing);
    assert.deepEqual(began, [0, 1, 2, 3, 4]);
  });

  it('makes room when a call fails', async () => {
    const gate = createReadGate({ clock: manualClock(), signal, parallel: 1 });
    const failing = gate.pass(1, () => Promise.reject(new Error('no answer')));
    const next = gate.pass(1, async () => 'answer');
    await assert.rejects(failing, /no answer/);
    assert.equal(await next, 'answer');
  });

  it('begins so many reads per second, however many calls they are', async () => {
    const { clock, advance } = movedClock();
    const gate = createReadGate({ clock, signal, parallel: 10, readsPerSecond: 100 });
    const began: number[] = [];
    const passing = [50, 10, 40, 1].map((reads) =>
      gate.pass(reads, async () => {
        began.push(reads);
      }),
    );
    await settled();
    assert.deepEqual(began, [50], 'the first begins at once');
    await advance(499);
    assert.deepEqual(began, [50]);
    await advance(1);
    assert.deepEqual(began, [50, 10]);
    await advance(100);
    assert.deepEqual(began, [50, 10, 40]);
    await advance(400);
    await Promise.all(passing);
    assert.deepEqual(began, [50, 10, 40, 1]);
  });

  it('does not let reads be saved up while nothing is read', async () => {
    const { clock, advance } = movedClock();
    const gate = createReadGate({ clock, signal, parallel: 10, readsPerSecond: 10 });
    await advance(60_000);
    let began = 0;
    const read = async () => {
      began += 1;
    };
    const passing = [gate.pass(10, read), gate.pass(10, read)];
    await settled();
    assert.equal(began, 1);
    await advance(1_000);
    await Promise.all(passing);
    assert.equal(began, 2);
  });

  it('lets go of everybody when the run is stopped', async () => {
    const clock = manualClock();
    const stop = new AbortController();
    const gate = createReadGate({ clock, signal: stop.signal, parallel: 2, readsPerSecond: 1 });
    const never = gate.pass(100, () => new Promise(() => undefined));
    const waiting = gate.pass(1, async () => assert.fail('began after the stop'));
    await settled();
    stop.abort(new Error('stopped'));
    for (const call of [never, waiting, gate.pass(1, async () => 1)]) await assert.rejects(call, /stopped/);
  });
});
