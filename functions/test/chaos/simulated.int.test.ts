// Attacks I1-I7: relay, work on events and reconciliation under crashes, stalls, errors and disorder from a fixed seed.
// `npm run chaos` runs thousands more.
import assert from 'node:assert/strict';
import { createReport, renderReport } from './report.ts';
import { simulatedRuns } from './simulatedRuns.ts';
import { emptyTally, type Tally } from './tally.ts';
import { weathers } from './weather.ts';

/** As many as fit into some ten seconds. */
const runs = 40;

describe('chaos, simulated', function () {
  this.timeout(180_000);

  it('breaks no guarantee', async () => {
    const report = createReport('test');
    await simulatedRuns({ seed: 'test', first: 0, runs }, (run, result) => {
      report.add(run, result);
      return true;
    });
    const { findings, tally } = report.soFar(0);
    assert.deepEqual(findings, [], renderReport(report.soFar(0), ''));
    // A net without holes in the weather: every kind of fault has happened.
    for (const kind of [
      'kills',
      'stalls',
      'duplicates',
      'reorderings',
      'reconciliations',
      'archived',
      'late',
      'visited',
    ] as const) {
      assert.ok(tally[kind] > 0, `no ${kind} in ${runs} runs`);
    }
    for (const kind of ['UNAVAILABLE', 'ABORTED', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED', 'dropped connection']) {
      assert.ok((tally.errors[kind] ?? 0) > 0, `no ${kind} in ${runs} runs`);
    }
  });

  /** Rare ones, by weather: what each has to show, and in how many runs it does. */
  const rare: readonly { name: string; seed: string; runs: number; shows: readonly (keyof Omit<Tally, 'errors'>)[] }[] =
    [
      { name: 'source', seed: 'rare', runs: 6, shows: ['stepDowns', 'oplogLosses'] },
      { name: 'crashes', seed: 'q5', runs: 14, shows: ['deadLetters', 'redriven'] },
      // Attacks the reconciliation: events that are never delivered leave no difference behind.
      { name: 'losses', seed: 'rare', runs: 8, shows: ['losses', 'reconciliations'] },
    ];
  for (const { name, seed, runs, shows } of rare) {
    it(`breaks no guarantee in weather of the kind "${name}"`, async () => {
      const weather = weathers.find((kind) => kind.name === name);
      assert.ok(weather);
      const report = createReport(seed);
      await simulatedRuns({ seed, first: 0, runs, weather }, (run, result) => {
        report.add(run, result);
        return true;
      });
      const { findings, tally } = report.soFar(0);
      assert.deepEqual(findings, [], renderReport(report.soFar(0), `--weather ${name} `));
      for (const kind of shows) assert.ok(tally[kind] > emptyTally()[kind], `no ${kind} in ${runs} runs`);
    });
  }

  it('does the same again for the same seed', async () => {
    const trace = async () => {
      let lines: readonly string[] = [];
      await simulatedRuns({ seed: 'test', first: 5, runs: 1, traced: true }, (_run, result) => {
        lines = result.trace;
        return true;
      });
      return lines;
    };
    const first = await trace();
    assert.ok(first.length > 20);
    assert.deepEqual(await trace(), first);
  });
});
