import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { jsonRequest } from '../../../local/runtime/callFunction.ts';
import { createFunctionPool } from '../../../local/runtime/functionPool.ts';
import type { FunctionProcess } from '../../../local/runtime/functionProcess.ts';
import { manualClock } from '../../support/clock.ts';
import { settled, until } from '../../support/until.ts';

/** A process that is up at once, and whose requests all arrive at `port`. */
function fakeProcess(port: number): FunctionProcess {
  let busy = 0;
  let stopped = false;
  return {
    state: () => (stopped ? 'stopped' : 'ready'),
    pid: () => undefined,
    port: () => Promise.resolve(port),
    busy: () => busy,
    begin() {
      busy += 1;
    },
    end() {
      busy -= 1;
    },
    gone: () => Promise.resolve(),
    firstReady: Promise.resolve(),
    kill: () => Promise.resolve(),
    start: () => {},
    stop() {
      stopped = true;
      return Promise.resolve();
    },
  };
}

describe('the instances of a function', () => {
  const open: ServerResponse[] = [];
  const server = createServer((_request, response) => open.push(response));
  let port = 0;
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address && typeof address === 'object');
    port = address.port;
  });
  after(() => server.close());

  function startPool(declared: { maxInstances?: number; concurrency?: number }, mostInstances?: number) {
    const machineClock = manualClock();
    const pool = createFunctionPool({
      spec: {
        name: 'f',
        trigger: { kind: 'https' },
        timeoutSeconds: 60,
        memoryMiB: 256,
        concurrency: 1,
        secrets: [],
        ...declared,
      },
      clock: manualClock(),
      machineClock,
      mostInstances,
      start: () => fakeProcess(port),
    });
    const running = (requests: number) => Array.from({ length: requests }, () => pool.invoke(jsonRequest({})));
    async function answer(outcomes: Promise<unknown>[]): Promise<void> {
      for (let answered = 0; answered < outcomes.length; answered += 1) {
        await until(() => open.length > 0);
        open.shift()?.end();
      }
      await Promise.all(outcomes);
    }
    return { pool, machineClock, running, answer };
  }

  it('are as many as it declares, and without a declaration as many as there is work for', async () => {
    for (const [declared, expected] of [
      [{ maxInstances: 2 }, 2],
      [{}, 5],
      [{ concurrency: 3 }, 2],
    ] as const) {
      const { pool, running, answer } = startPool(declared);
      const outcomes = running(5);
      await settled();
      assert.equal(pool.instances().length, expected, JSON.stringify(declared));
      await answer(outcomes);
      await pool.stop(0);
    }
  });

  it('are not more than the machine bears', async () => {
    const { pool, running, answer } = startPool({ maxInstances: 10 }, 2);
    const outcomes = running(5);
    await settled();
    assert.equal(pool.instances().length, 2);
    await answer(outcomes);
    await pool.stop(0);
  });

  it('end when they have had nothing to do for a while, all but the first', async () => {
    const { pool, machineClock, running, answer } = startPool({ maxInstances: 3 });
    await answer(running(3));
    machineClock.advance(9_999);
    await answer(running(2));
    machineClock.advance(9_999);
    assert.deepEqual(
      pool.instances().map((process) => process.state()),
      ['ready', 'ready', 'stopped'],
    );
    machineClock.advance(1);
    assert.deepEqual(
      pool.instances().map((process) => process.state()),
      ['ready', 'stopped', 'stopped'],
    );
    await answer(running(1));
    assert.equal(pool.instances().length, 1);
    await pool.stop(0);
  });
});
