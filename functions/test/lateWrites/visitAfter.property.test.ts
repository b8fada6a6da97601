import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hourMs, minuteMs } from '../../src/clock.ts';
import { doneBefore, visitAfter } from '../../src/records/visits.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';

const { visitAfterMs } = defaultSyncLimits;

describe('the visits after a deletion', () => {
  it('are after 1, 10 and 60 minutes', () => {
    const at: number[] = [];
    let visit = visitAfter({ number: 0, doneAt: 0 }, visitAfterMs, 0);
    while (visit !== null) {
      at.push(visit.at);
      visit = visitAfter({ number: visit.number, doneAt: doneBefore(visit, visitAfterMs) }, visitAfterMs, visit.at);
    }
    assert.deepEqual(at, [minuteMs, 10 * minuteMs, hourMs]);
  });

  it('are one less for each whose time has passed before the one before was made, and end within the hour', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat({ max: 2 * hourMs }), { minLength: 4, maxLength: 4 }), (doneAt, delays) => {
        let now = doneAt;
        let visit = visitAfter({ number: 0, doneAt }, visitAfterMs, now);
        const numbers: number[] = [];
        for (const delay of delays) {
          if (visit === null) break;
          numbers.push(visit.number);
          assert.ok(visit.at > now && visit.at <= doneAt + hourMs);
          assert.equal(doneBefore(visit, visitAfterMs), doneAt);
          now = visit.at + delay;
          visit = visitAfter({ number: visit.number, doneAt }, visitAfterMs, now);
        }
        assert.equal(visit, null);
        assert.deepEqual(numbers, [...new Set(numbers)].sort());
      }),
    );
  });
});
