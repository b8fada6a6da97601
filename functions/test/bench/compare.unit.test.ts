// Judging a change by two runs: attacks a difference that is none, and one that is not seen.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beyond, compareResults } from '../../bench/results/compare.ts';
import { compareFiles } from '../../bench/results/compareFiles.ts';
import { renderComparison } from '../../bench/results/renderComparison.ts';
import { type MeasuredFigure, type Results, readResults, writeResults } from '../../bench/results/resultsFile.ts';
import { shiftBetween } from '../../bench/results/shift.ts';
import { UsageError } from '../../src/cli/command.ts';

const figure = (samples: readonly number[], more: Partial<MeasuredFigure> = {}): MeasuredFigure => ({
  name: 'delete ours/batches',
  unit: 'ratio',
  better: 'higher',
  kind: 'timed',
  samples,
  ...more,
});

const results = (figures: readonly MeasuredFigure[], more: Partial<Results> = {}): Results => ({
  schemaVersion: 1,
  startedAt: '2026-11-27T12:00:00.000Z',
  size: 'full',
  machine: { cpu: 'any', cores: 2, memoryMiB: 4_096, platform: 'linux x64', node: 'v24.0.0' },
  commit: { hash: 'a'.repeat(40), changed: false },
  results: [{ name: 'delete', notes: [], tables: [], figures, tookMs: 1, load: 0.1 }],
  ...more,
});

const compared = (a: MeasuredFigure, b: MeasuredFigure) => {
  const [only] = compareResults(results([a]), results([b])).figures;
  return only ?? assert.fail('no figure');
};

describe('the ratio of two samples', () => {
  it('has an interval that is as sure as the runs allow, and no surer', () => {
    const confidence = (n: number) => shiftBetween(new Array(n).fill(1), new Array(n).fill(1)).confidence;
    // The whole range of the pairs: 1 - 2 / (2n over n).
    assert.equal(confidence(1), 0);
    assert.ok(Math.abs(confidence(2) - 2 / 3) < 1e-12);
    assert.ok(Math.abs(confidence(3) - 0.9) < 1e-12);
    for (const n of [4, 7, 20, 100]) {
      assert.ok(confidence(n) >= 0.95, `${n}`);
      assert.ok(confidence(n) < 0.99, `${n}`);
    }
  });

  it('has the textbook interval for five and five: all but two pairs at either end', () => {
    const [a, b] = [
      [1, 2, 4, 8, 16],
      [1, 3, 9, 27, 81],
    ];
    const pairs = b.flatMap((above) => a.map((below) => above / below)).sort((x, y) => x - y);
    const { low, high } = shiftBetween(a, b);
    assert.deepEqual([low, high], [pairs[2], pairs[22]]);
  });

  it('lies within its interval, and turns round with its samples', () => {
    const sample = fc.array(fc.double({ min: 0.01, max: 1_000, noNaN: true }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const there = shiftBetween(a, b);
        const back = shiftBetween(b, a);
        assert.ok(there.low <= there.ratio && there.ratio <= there.high);
        assert.ok(Math.abs(there.low * back.high - 1) < 1e-9);
        assert.ok(Math.abs(there.confidence - back.confidence) < 1e-12);
      }),
    );
  });
});

describe('comparing results', () => {
  it('says of a difference that it is within noise', () => {
    const { verdict } = compared(figure([1, 1.1, 0.9, 1.05, 0.95]), figure([1.02, 1.08, 0.93, 1.0, 0.99]));
    assert.equal(verdict, 'within noise');
  });

  it('knows the direction in which a figure is better', () => {
    const [low, high] = [
      [1, 1.01, 1.02, 0.99],
      [2, 2.01, 2.02, 1.99],
    ];
    assert.equal(compared(figure(low), figure(high)).verdict, 'better');
    const slower = compared(figure(low, { better: 'lower' }), figure(high, { better: 'lower' }));
    assert.equal(slower.verdict, 'worse');
    assert.ok(Math.abs(slower.worseBy - 1) < 0.05);
    const fewer = compared(figure(high), figure(low));
    assert.equal(fewer.verdict, 'worse');
    assert.ok(Math.abs(fewer.worseBy - 1) < 0.05);
  });

  it('judges nothing timed by two runs, and what is counted by one', () => {
    assert.equal(compared(figure([1, 1]), figure([9, 9])).verdict, 'too few runs');
    const counted = (value: number) => figure([value], { kind: 'counted', better: 'lower' });
    assert.equal(compared(counted(8), counted(8)).verdict, 'equal');
    assert.equal(compared(counted(8), counted(9)).verdict, 'worse');
  });

  it('holds a limit only against what is worse beyond noise', () => {
    const by = (factor: number) =>
      compareResults(results([figure([1, 1, 1, 1])]), results([figure(new Array(4).fill(factor))]));
    assert.equal(beyond(by(0.98), 0.03).length, 0);
    assert.equal(beyond(by(0.9), 0.03).length, 1);
    assert.equal(beyond(by(1.5), 0.03).length, 0);
  });

  it('refuses what cannot be compared, and warns of what is doubtful', () => {
    const one = results([figure([1, 1, 1])]);
    assert.throws(() => compareResults(one, { ...one, size: 'quick' }), UsageError);
    assert.throws(() => compareResults(one, results([figure([1], { name: 'another' })])), UsageError);
    const elsewhere = { ...one, machine: { ...one.machine, cores: 64 }, commit: { hash: 'b', changed: true } };
    const text = renderComparison(compareResults(one, elsewhere), one, elsewhere);
    assert.match(text, /warning: the machines differ/);
    assert.match(text, /warning: the later run had changes that are in no commit/);
  });
});

describe('files of results', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bench-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (name: string, ...samples: number[]) => {
    const file = join(folder, name);
    const { schemaVersion: _, ...rest } = results([figure(samples)]);
    writeResults(file, rest);
    return file;
  };

  it('are read as they were written, and compared with an exit code', () => {
    const [a, b] = [write('a.json', 1, 1, 1, 1), write('b.json', 0.5, 0.5, 0.5, 0.5)];
    assert.deepEqual(readResults(a), results([figure([1, 1, 1, 1])]));
    const printed: string[] = [];
    const compare = (limit?: number) =>
      compareFiles({ kind: 'compare', files: [a, b], limit }, { print: (line) => printed.push(line) });
    assert.equal(compare(), 0);
    assert.equal(compare(1.5), 0);
    assert.equal(compare(0.03), 1);
    assert.match(printed.at(-1) ?? '', /beyond the limit of 3\.0 %: delete ours\/batches, worse by 100\.0 %/);
  });

  it('are refused with a reason when they are something else', () => {
    const file = join(folder, 'other.json');
    assert.throws(() => readResults(file), /other\.json is not a results file.*ENOENT/);
    writeFileSync(file, '{"schemaVersion":2}');
    assert.throws(
      () => readResults(file),
      (error) => error instanceof UsageError && /schemaVersion/.test(error.message),
    );
  });
});
