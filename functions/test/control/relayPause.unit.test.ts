// Attacks "a pause takes hold within five seconds, whenever it comes".
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { type Control, controlCacheMs, type Pause } from '../../src/control/control.ts';
import { watchRelayPause } from '../../src/control/relayPause.ts';
import { grpcStatus } from '../../src/grpc.ts';
import { manualClock } from '../support/clock.ts';
import { recordedLog } from '../support/log.ts';

const pause: Pause = { what: 'relay', by: 'ada', reason: 'maintenance', since: 0 };

describe('the relay looks whether it is paused', () => {
  /** Watches a relay that is told these in turn, one a look, and the last one ever after. */
  async function watched(answers: readonly (Control | Error)[], looks: number) {
    const clock = manualClock();
    let asked = 0;
    const read = async () => {
      const answer = answers[Math.min(asked, answers.length - 1)];
      asked += 1;
      if (answer === undefined || answer instanceof Error) throw answer;
      return answer;
    };
    const told: unknown[] = [];
    const tell = (what: unknown) => void told.push(what);
    const stop = watchRelayPause({ control: { read }, clock, log: recordedLog() }, tell, tell);
    for (let look = 0; look < looks; look += 1) {
      clock.advance(controlCacheMs);
      await setImmediate();
    }
    return { told, asked: () => asked, stop, clock };
  }
  const unavailable = Object.assign(new Error('no answer'), { code: grpcStatus.unavailable });
  const refused = Object.assign(new Error('no right'), { code: grpcStatus.permissionDenied });
  const nothing: Control = { paused: [] };

  it('again and again, also after Firestore did not answer, and says it once', async () => {
    const { told, asked } = await watched([nothing, unavailable, nothing, { paused: [pause] }], 6);
    assert.deepEqual([told, asked()], [[pause], 4]);
  });

  it('until nobody can say it, which ends the relay', async () => {
    const { told, asked } = await watched([nothing, refused], 4);
    assert.deepEqual([told, asked()], [[refused], 2]);
  });

  it('no more once it is stopped', async () => {
    const { told, asked, stop, clock } = await watched([nothing, { paused: [pause] }], 1);
    stop();
    clock.advance(10 * controlCacheMs);
    await setImmediate();
    assert.deepEqual([told, asked()], [[], 1]);
  });
});
