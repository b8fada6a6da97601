import { UsageError } from '../../src/cli/command.ts';
import type { MeasuredFigure, Results } from './resultsFile.ts';
import { type Shift, shiftBetween } from './shift.ts';

/** What can be said of one figure. */
export type Verdict =
  | 'better'
  | 'worse'
  /** The interval includes 1. */
  | 'within noise'
  /** A counted figure that is the same. */
  | 'equal'
  /** So few runs that no difference would say anything. */
  | 'too few runs';

export interface ComparedFigure extends Shift {
  readonly name: string;
  readonly unit: string;
  readonly verdict: Verdict;
  /** How much worse the later one is, as a share (0.03 is 3 %); negative where it is better. */
  readonly worseBy: number;
  readonly runs: readonly [earlier: number, later: number];
}

export interface Comparison {
  readonly figures: readonly ComparedFigure[];
  /** Names of figures that only one of them has. */
  readonly onlyEarlier: readonly string[];
  readonly onlyLater: readonly string[];
  /** What makes the comparison doubtful; each a sentence. */
  readonly warnings: readonly string[];
}

/** Three runs of each: below that even the whole range of the pairs is wrong more often than one time in ten. */
const leastConfidence = 0.9 - 1e-9;

/** Compares two files, figure by figure. Pure.
 *  @throws UsageError when they have no figure in common, or are of different sizes. */
export function compareResults(earlier: Results, later: Results): Comparison {
  if (earlier.size !== later.size) {
    throw new UsageError(
      `one file is of size ${earlier.size}, the other of size ${later.size}: run both in the same size`,
    );
  }
  const before = figuresOf(earlier);
  const after = figuresOf(later);
  const common = [...before.keys()].filter((name) => after.has(name));
  if (common.length === 0) throw new UsageError('the two files have no figure in common: run the same benchmarks');
  return {
    figures: common.flatMap((name) => {
      const [a, b] = [before.get(name), after.get(name)];
      return a === undefined || b === undefined ? [] : [compareFigure(a, b)];
    }),
    onlyEarlier: [...before.keys()].filter((name) => !after.has(name)),
    onlyLater: [...after.keys()].filter((name) => !before.has(name)),
    warnings: warningsOf(earlier, later),
  };
}

/** The figures that are worse by more than the limit, and not only within noise.
 *  @param limit a share: 0.03 is 3 % */
export function beyond({ figures }: Comparison, limit: number): readonly ComparedFigure[] {
  return figures.filter(({ verdict, worseBy }) => verdict === 'worse' && worseBy > limit);
}

function compareFigure(earlier: MeasuredFigure, later: MeasuredFigure): ComparedFigure {
  const shift = shiftBetween(earlier.samples, later.samples);
  const worseBy = earlier.better === 'lower' ? shift.ratio - 1 : 1 / shift.ratio - 1;
  return {
    ...shift,
    name: earlier.name,
    unit: earlier.unit,
    verdict: verdictOf(earlier, shift, worseBy),
    worseBy,
    runs: [earlier.samples.length, later.samples.length],
  };
}

function verdictOf({ kind }: MeasuredFigure, { ratio, low, high, confidence }: Shift, worseBy: number): Verdict {
  const direction = worseBy > 0 ? 'worse' : 'better';
  if (kind === 'counted') return ratio === 1 ? 'equal' : direction;
  if (confidence < leastConfidence) return 'too few runs';
  return low <= 1 && high >= 1 ? 'within noise' : direction;
}

function figuresOf({ results }: Results): ReadonlyMap<string, MeasuredFigure> {
  return new Map(results.flatMap(({ figures }) => figures.map((figure) => [figure.name, figure] as const)));
}

function warningsOf(earlier: Results, later: Results): readonly string[] {
  const warnings: string[] = [];
  const [a, b] = [earlier.machine, later.machine];
  if (JSON.stringify(a) !== JSON.stringify(b)) {
    warnings.push('the machines differ: only ratios say something about the code, figures with a unit do not');
  }
  for (const [which, results] of [
    ['earlier', earlier],
    ['later', later],
  ] as const) {
    // After the first benchmark the load is that of the benchmarks themselves.
    const load = results.results[0]?.load ?? 0;
    if (load > results.machine.cores / 2) {
      warnings.push(`the machine had other work when the ${which} run began: a load of ${load.toFixed(1)}`);
    }
    if (results.commit?.changed) warnings.push(`the ${which} run had changes that are in no commit`);
  }
  return warnings;
}
