// Every benchmark in its small size: attacks one that no longer runs, or prints figures that are none.
import assert from 'node:assert/strict';
import { allBenchmarks } from '../../bench/all.ts';
import type { BenchTable } from '../../bench/benchmark.ts';
import { figuresWithGoals } from '../../bench/results/goals.ts';

/** How long one benchmark may take here, in ms: several processes, and servers of its own. */
const patienceMs = 120_000;

function assertFilled({ title, headings, rows }: BenchTable): void {
  assert.ok(rows.length > 0, `"${title}" has no rows`);
  for (const row of rows) {
    assert.equal(row.length, headings.length, `"${title}": ${row.join(', ')}`);
    for (const cell of row)
      assert.doesNotMatch(String(cell), /NaN|Infinity|undefined|^$/, `"${title}": ${row.join(', ')}`);
  }
}

describe('benchmarks in size quick', () => {
  const known = new Set<string>();

  for (const benchmark of allBenchmarks) {
    it(`${benchmark.name} runs, and all its figures are numbers`, async function () {
      this.timeout(patienceMs);
      const result = await benchmark.run({ size: 'quick', onProgress: () => undefined });
      assert.equal(result.name, benchmark.name);
      assert.ok(result.tables.length > 0);
      for (const table of result.tables) assertFilled(table);
      assert.ok(result.figures.length > 0);
      for (const { name, samples } of result.figures) {
        known.add(name);
        assert.ok(samples.length > 0, name);
        for (const value of samples) assert.ok(Number.isFinite(value) && value > 0, `${name} is ${value}`);
      }
    });
  }

  it('have every figure that has a goal', () => {
    assert.deepEqual(
      figuresWithGoals.filter((name) => !known.has(name)),
      [],
    );
  });
});
