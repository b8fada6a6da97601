// Memory that work shares: attacks more than there is at once, work that overtakes, and work that waits for ever (I6).
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createMemory, type Share } from '../../../src/sync/memory/memory.ts';

const most = 100;

/** What happens next: work comes that wants so many bytes; one that is admitted turns out to have fewer; one ends; one
 *  that waits gives up. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('enter' as const), bytes: fc.nat(130) }) },
  fc.record({ kind: fc.constant('shrink' as const), pick: fc.nat() }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), pick: fc.nat() }) },
  fc.record({ kind: fc.constant('giveUp' as const), pick: fc.nat() }),
);

interface Work {
  readonly number: number;
  bytes: number;
  readonly controller: AbortController;
  state: 'waiting' | 'admitted' | 'ended';
  share?: Share;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('memory that work shares', () => {
  it('has no more in flight than there is, unless one is alone, and admits all in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const memory = createMemory(most);
        const all: Work[] = [];
        const admissions: number[] = [];
        const those = (state: Work['state']) => all.filter((work) => work.state === state);
        const pickOf = (state: Work['state'], pick: number) => those(state)[pick % Math.max(1, those(state).length)];
        const inFlight = () => those('admitted').reduce((sum, { bytes }) => sum + bytes, 0);
        const end = (work: Work | undefined) => {
          if (work === undefined) return;
          work.state = 'ended';
          work.share?.release();
        };
        const check = () => {
          const holding = those('admitted').filter(({ bytes }) => bytes > 0);
          assert.ok(inFlight() <= most || holding.length === 1, `${inFlight()} bytes of ${holding.length}`);
          assert.deepEqual(
            admissions,
            [...admissions].sort((a, b) => a - b),
          );
          const [next] = those('waiting');
          if (next !== undefined)
            assert.ok(inFlight() > 0 && inFlight() + next.bytes > most, 'waits though there is room');
        };
        for (const next of steps) {
          if (next.kind === 'enter') {
            const work: Work = {
              number: all.length,
              bytes: next.bytes,
              controller: new AbortController(),
              state: 'waiting',
            };
            all.push(work);
            memory.enter(next.bytes, work.controller.signal).then(
              (share) => {
                work.state = 'admitted';
                work.share = share;
                admissions.push(work.number);
              },
              () => {
                work.state = 'ended';
              },
            );
          } else if (next.kind === 'giveUp') {
            pickOf('waiting', next.pick)?.controller.abort();
          } else {
            const work = pickOf('admitted', next.pick);
            if (next.kind === 'release') end(work);
            else if (work !== undefined) {
              work.bytes = Math.floor(work.bytes / 2);
              work.share?.resize(work.bytes);
            }
          }
          await settled();
          check();
        }
        while (those('admitted').length > 0) {
          end(those('admitted')[0]);
          await settled();
          check();
        }
        assert.deepEqual(those('waiting'), []);
      }),
    );
  });

  it('lets nobody in until it fits again when one turns out to have more than it said', async () => {
    const memory = createMemory(most);
    const first = await memory.enter(10);
    first.resize(150);
    let isIn = false;
    const second = memory.enter(60).then((share) => {
      isIn = true;
      return share;
    });
    await settled();
    assert.equal(isIn, false);
    first.resize(40);
    (await second).release();
    first.release();
    (await memory.enter(most)).release();
  });

  it('refuses whoever has been aborted already', async () => {
    const gone = AbortSignal.abort(new Error('the instance stops'));
    await assert.rejects(createMemory(most).enter(1, gone), /the instance stops/);
  });
});
