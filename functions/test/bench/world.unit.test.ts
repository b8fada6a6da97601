// The model of internet scale: attacks changes that are lost or done twice, limits that do not limit, and a model that
// is another one every time.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { poissonArrivals } from '../../bench/backlog/arrivals.ts';
import { lineChart } from '../../bench/plot/lineChart.ts';
import { type Deployment, deployedSettings } from '../../bench/world/deployment.ts';
import { publishedLimits } from '../../bench/world/limits.ts';
import { measuredFrom } from '../../bench/world/measured.ts';
import { rampingMeter, steadyMeter } from '../../bench/world/meter.ts';
import { monthlyCost, totalOf } from '../../bench/world/monthlyCost.ts';
import { createEventQueue } from '../../bench/world/queue.ts';
import { bindingOf, caughtUpMs, playWorlds, worldPlots } from '../../bench/world/report.ts';
import { type Change, changesOf, scenarioNames, worldOf } from '../../bench/world/scenario.ts';
import { seededRandom } from '../../bench/world/seededRandom.ts';
import { simulate } from '../../bench/world/simulate.ts';
import { hourMs, minuteMs } from '../../src/clock.ts';

const { measured } = measuredFrom(undefined);
const deployment: Deployment = { ...deployedSettings, measured, limits: publishedLimits };
const small = worldOf(10_000);

const play = (changes: readonly Change[], more: Partial<Deployment> = {}) =>
  simulate(changes, { ...deployment, ...more }, seededRandom(1));
const many = (count: number, assets: number, kind: Change['kind'] = 'deletion') =>
  Array.from({ length: count }, (): Change => ({ atMs: 0, kind, assets }));

const anyChange = fc.record({
  atMs: fc.integer({ min: 0, max: 100_000 }),
  kind: fc.constantFrom('rename' as const, 'deletion' as const),
  assets: fc.integer({ min: 0, max: 5_000 }),
});
const anyChanges = fc
  .array(anyChange, { minLength: 1, maxLength: 60 })
  .map((changes) => changes.sort((a, b) => a.atMs - b.atMs));

describe('the parts of the model', () => {
  it('take out of the queue the earliest first, and of the same time the first', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (times) => {
        const queue = createEventQueue<number>();
        for (const [index, at] of times.entries()) queue.add(at, index);
        const taken = times.map(() => queue.next()).map((next) => ({ atMs: next?.atMs, event: next?.event }));
        const sorted = times.map((atMs, event) => ({ atMs, event })).sort((a, b) => a.atMs - b.atMs);
        assert.deepEqual(taken, sorted);
        assert.equal(queue.next(), undefined);
      }),
    );
  });

  it('serve one after the other at their rate', () => {
    const meter = steadyMeter(10);
    assert.deepEqual([meter.take(0, 5), meter.take(0, 5), meter.take(5_000, 1)], [500, 1_000, 5_100]);
  });

  it('let traffic grow by half in every five minutes of use, up to the most, and from the start after a pause', () => {
    const ramp = { startPerSecond: 500, growth: 0.5, windowMs: 5 * minuteMs, mostPerSecond: 1_000 };
    const windowSeconds = 300;
    const meter = rampingMeter(ramp);
    assert.equal(meter.take(0, 500 * windowSeconds), 5 * minuteMs);
    assert.equal(meter.take(0, 750 * windowSeconds), 10 * minuteMs);
    assert.equal(meter.take(0, 1_000 * windowSeconds), 15 * minuteMs);
    assert.equal(meter.take(0, 1_000 * windowSeconds), 20 * minuteMs);
    const later = hourMs;
    assert.equal(meter.take(later, 500), later + 1_000);
  });

  it('never let more through than a steady resource of the highest rate', () => {
    const amounts = fc.array(fc.tuple(fc.nat(minuteMs), fc.nat(100_000)), { maxLength: 30 });
    fc.assert(
      fc.property(amounts, (takes) => {
        const ramp = rampingMeter({ startPerSecond: 500, growth: 0.5, windowMs: minuteMs, mostPerSecond: 2_000 });
        const [fastest, slowest] = [steadyMeter(2_000), steadyMeter(500)];
        let now = 0;
        for (const [pause, amount] of takes) {
          now += pause;
          const at = ramp.take(now, amount);
          assert.ok(at >= fastest.take(now, amount) - 1e-6);
          assert.ok(at <= slowest.take(now, amount) + 1e-6);
        }
      }),
    );
  });

  it('let events arrive at their rate, in order, and the same for a seed', () => {
    const arrivals = poissonArrivals(10_000, 50, seededRandom(3));
    assert.deepEqual(arrivals, poissonArrivals(10_000, 50, seededRandom(3)));
    assert.deepEqual(
      arrivals,
      arrivals.toSorted((a, b) => a - b),
    );
    const perSecond = 10_000 / ((arrivals.at(-1) ?? 0) / 1_000);
    assert.ok(Math.abs(perSecond - 50) < 2, `${perSecond}`);
  });
});

describe('the model', () => {
  it('shows every change once, no earlier than its round trips take, and bills every asset', () => {
    fc.assert(
      fc.property(anyChanges, fc.integer({ min: 1, max: 4 }), (changes, relayShards) => {
        const { shown, billed, endedAtMs } = play(changes, { relayShards });
        assert.equal(shown.length, changes.length);
        const least = measured.roundTripsPerEvent * deployment.roundTripMs + deployment.pushMs;
        for (const { waitMs, atMs } of shown) assert.ok(waitMs >= least && atMs <= endedAtMs);
        const assets = (kind: Change['kind']) =>
          changes.filter((change) => change.kind === kind).reduce((sum, change) => sum + change.assets, 0);
        assert.equal(billed.deletes, assets('deletion'));
        // A deletion is on record before it is carried out.
        const deletions = changes.filter(({ kind }) => kind === 'deletion').length;
        const recordWrites = changes.length * (measured.writesPerEvent - 1) + deletions;
        assert.equal(billed.writes, assets('rename') + recordWrites);
      }),
    );
  });

  it('is the same for the same seed, and another one for another', () => {
    const once = playWorlds([small], deployment, 7);
    assert.deepEqual(once, playWorlds([small], deployment, 7));
    assert.notDeepEqual(once, playWorlds([small], deployment, 8));
  });

  it('is not slower with more instances and a shorter round trip', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 50 }), (count, assets) => {
        const burst = many(count, assets);
        const [one, four] = [play(burst, { instances: 1 }), play(burst, { instances: 4 })];
        assert.ok(four.endedAtMs <= one.endedAtMs + 1e-6);
        assert.ok(play(burst, { roundTripMs: 5 }).endedAtMs <= one.endedAtMs);
      }),
    );
  });

  it('names the limit that binds', () => {
    const unlimited = {
      ...publishedLimits,
      rampStartPerSecond: 1e12,
      writesPerSecond: 1e12,
      sequentialWritesPerSecond: 1e12,
    };
    const free = { measured: { ...measured, relayEventsPerSecond: 1e12 }, limits: unlimited, instances: 1_000 };
    const slowRelay = { ...free, measured: { ...measured, relayEventsPerSecond: 10 } };
    const binding = (changes: readonly Change[], more: Partial<Deployment>) => bindingOf(play(changes, more));
    assert.equal(binding(many(100, 1), free), undefined);
    assert.equal(binding(many(100, 1), slowRelay), 'relay');
    assert.equal(binding(many(1_000, 1), { ...free, instances: 1, concurrency: 1 }), 'instances');
    assert.equal(binding(many(1_000, 1), { ...free, instances: 1, concurrency: 100 }), "instances' processors");
    assert.equal(binding(many(100, 1_000), { ...free, limits: publishedLimits }), 'ramp-up of assets (500/50/5)');
    const hot = { ...unlimited, sequentialWritesPerSecond: 500 };
    assert.equal(binding(many(5_000, 1), { ...free, limits: hot }), 'hotspot of record times (500/s)');
  });

  it('shares what one relay cannot do among several', () => {
    const slow = { measured: { ...measured, relayEventsPerSecond: 100 } };
    const [one, four] = [play(many(2_000, 0), slow), play(many(2_000, 0), { ...slow, relayShards: 4 })];
    assert.ok(four.endedAtMs < one.endedAtMs / 3, `${four.endedAtMs} and ${one.endedAtMs}`);
  });

  it('takes a mass deletion no faster than five collections may be ramped up', () => {
    const [assets, perSecond, window] = [3_000_000, 2_500, 300];
    const { endedAtMs } = play(many(3_000, assets / 3_000));
    // Three windows of 2,500, 3,750 and 5,625 a second are 3.56 million.
    assert.ok(endedAtMs > 2 * window * 1_000 && endedAtMs < 3 * window * 1_000, `${endedAtMs}`);
    assert.ok(endedAtMs / 1_000 < assets / perSecond);
  });
});

describe('what a world comes to', () => {
  it('has scenarios of the size that was asked for, in order', () => {
    for (const name of scenarioNames) {
      const changes = changesOf(name, small, 1);
      assert.deepEqual(
        changes,
        changes.toSorted((a, b) => a.atMs - b.atMs),
      );
      assert.equal(changes.length, name === 'day' ? 100 : 200);
    }
    const { assetsPerProject } = small;
    const sizes = changesOf('day', worldOf(1_000_000), 1).map(({ assets }) => assets);
    const mean = sizes.reduce((sum, assets) => sum + assets, 0) / sizes.length;
    assert.ok(Math.abs(mean - assetsPerProject) < 5, `${mean}`);
  });

  it('is caught up when what was there at the beginning is shown', () => {
    const changes = [...many(3, 0), { atMs: hourMs, kind: 'rename' as const, assets: 1 }];
    const simulated = play(changes);
    const ms = caughtUpMs({ changes, simulated });
    assert.ok(ms > 0 && ms < minuteMs, `${ms}`);
    assert.ok(simulated.endedAtMs > hourMs);
  });

  it('costs thirty times its day, and a reconciliation of everything on each', () => {
    const day = play(many(1_000, 10, 'rename'));
    const cost = monthlyCost(day, 100_000, deployment);
    // Each record, and two counts for every thirty projects of five collections: 133,333 reads at $0.06 for 100,000, on
    // thirty days.
    assert.ok(Math.abs(cost['Firestore, for daily reconciliations'] - 2.4) < 1e-9);
    const writes = 1_000 * (10 + measured.writesPerEvent - 1);
    const reads = 1_000 * (10 + measured.readsPerEvent - 1);
    const events = (30 * (writes * 0.18 + reads * 0.06)) / 100_000;
    assert.ok(Math.abs(cost['Firestore, for events'] - events) < 1e-9);
    assert.ok(totalOf(cost) > events + 2.4);
  });

  it('is drawn as lines, with all text escaped', () => {
    const plots = worldPlots(playWorlds([worldOf(1_000), small], deployment, 1));
    assert.deepEqual(Object.keys(plots), ['world-backlog.svg', 'world-sizes.svg']);
    for (const svg of Object.values(plots)) {
      assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
      assert.ok(svg.length < 20_000, `${svg.length}`);
    }
    const odd = lineChart({
      title: 'a < b & "c"',
      xLabel: 'x',
      yLabel: 'y',
      lines: [{ name: '<l>', points: [[0, 0]] }],
    });
    assert.match(odd, /<title>a &lt; b &amp; &quot;c&quot;<\/title>/);
    assert.doesNotMatch(odd, /<l>|NaN/);
  });
});
