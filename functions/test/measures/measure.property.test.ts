// Measures are added up in any order and any grouping, and what is read from the sums is near the truth.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { histogramOf, mergeHistograms, percentile } from '../../src/measures/histogram.ts';
import { emptyMeasure, type Measure, mergeAll, mergeMeasures, remeasured } from '../../src/measures/measure.ts';

const durations = fc.array(fc.integer({ min: 0, max: 10_000_000 }), { maxLength: 50 });
const count = fc.nat(100_000);
const measure: fc.Arbitrary<Measure> = fc.record(
  {
    events: fc.record({ created: count, updated: count, deleted: count }, { noNullPrototype: true }),
    assets: count,
    shown: durations.map((of) => histogramOf(of)),
    relayLagMs: fc.option(count),
    relayDownMs: count,
    stalledMs: count,
    backlog: count,
    holds: count,
    deadLetters: count,
    findings: fc.option(count),
    reads: count,
    writes: count,
    deletes: count,
  },
  { noNullPrototype: true },
);

describe('measures', () => {
  it('are merged in any grouping and order, with the same result', () => {
    fc.assert(
      fc.property(measure, measure, measure, (a, b, c) => {
        assert.deepEqual(mergeMeasures(mergeMeasures(a, b), c), mergeMeasures(a, mergeMeasures(b, c)));
        assert.deepEqual(mergeMeasures(a, b), mergeMeasures(b, a));
        assert.deepEqual(mergeMeasures(a, emptyMeasure), a);
      }),
    );
  });

  it('have the histogram of all durations together, however these are split', () => {
    fc.assert(
      fc.property(durations, durations, (a, b) => {
        assert.deepEqual(mergeHistograms(histogramOf(a), histogramOf(b)), histogramOf([...a, ...b]));
      }),
    );
  });

  it('say a percentile that is never too low, and at most a fifth too high', () => {
    fc.assert(
      fc.property(
        durations.filter((list) => list.length > 0),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (list, share) => {
          const sorted = list.toSorted((a, b) => a - b);
          const exact = sorted[Math.ceil(share * list.length) - 1] ?? 0;
          const said = percentile(histogramOf(list), share) ?? -1;
          assert.ok(said >= exact && said <= Math.max(10, exact * 1.2 + 1e-6), `${said} for ${exact}`);
        },
      ),
    );
    assert.equal(percentile(histogramOf([]), 0.5), null);
  });

  it('of a minute that is measured again count once; what was seen in passing is the worst of both', () => {
    fc.assert(
      fc.property(measure, measure, (before, again) => {
        assert.deepEqual(remeasured(again, again), again);
        const both = remeasured(before, again);
        assert.deepEqual([both.events, both.assets, both.reads], [again.events, again.assets, again.reads]);
        assert.equal(both.backlog, Math.max(before.backlog, again.backlog));
      }),
    );
  });

  it('of nothing are nothing, not zero', () => {
    assert.equal(mergeAll([]), null);
  });
});
