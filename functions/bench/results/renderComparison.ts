import type { BenchTable } from '../benchmark.ts';
import { renderTable } from '../renderResult.ts';
import type { ComparedFigure, Comparison } from './compare.ts';
import type { Results } from './resultsFile.ts';

/** A comparison for a terminal. */
export function renderComparison(comparison: Comparison, earlier: Results, later: Results): string {
  const { figures, onlyEarlier, onlyLater, warnings } = comparison;
  const tooFew = figures.filter(({ verdict }) => verdict === 'too few runs').length;
  return [
    `A: ${origin(earlier)}`,
    `B: ${origin(later)}`,
    '',
    renderTable(tableOf(figures)),
    '',
    'B/A is the median of all pairs of runs; it lies between the two bounds with the confidence that the runs allow.',
    ...(tooFew > 0 ? [`${tooFew} figures cannot be judged: it takes three runs of each.`] : []),
    ...(onlyEarlier.length > 0 ? [`only in A: ${onlyEarlier.join(', ')}`] : []),
    ...(onlyLater.length > 0 ? [`only in B: ${onlyLater.join(', ')}`] : []),
    ...warnings.map((warning) => `warning: ${warning}`),
  ].join('\n');
}

function tableOf(figures: readonly ComparedFigure[]): BenchTable {
  return {
    title: 'B against A',
    headings: ['figure', 'unit', 'B/A', 'from', 'to', 'confidence', 'runs', 'verdict'],
    rows: figures.map(({ name, unit, ratio, low, high, confidence, runs, verdict, worseBy }) => [
      name,
      unit,
      ratio.toFixed(3),
      low.toFixed(3),
      high.toFixed(3),
      verdict === 'equal' ? '' : `${Math.round(confidence * 100)} %`,
      runs.join(' and '),
      verdict === 'better' || verdict === 'worse' ? `${verdict} by ${percent(Math.abs(worseBy))}` : verdict,
    ]),
  };
}

/** A share as a percentage with one decimal. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function origin({ startedAt, size, machine, commit }: Results): string {
  const code = commit === null ? 'no commit' : `${commit.hash.slice(0, 9)}${commit.changed ? ' with changes' : ''}`;
  return `${startedAt}, ${code}, size ${size}, ${machine.cores} × ${machine.cpu}, Node ${machine.node}`;
}
