import { addTally, emptyTally, type Tally } from './tally.ts';
import type { Violation } from './world.ts';

/** A broken guarantee, and the run that shows it. */
export interface Finding extends Violation {
  readonly seed: string;
  readonly run: number;
}

/** Everything that a call of the command has seen. */
export interface ChaosReport {
  readonly seed: string;
  readonly tally: Tally;
  readonly findings: readonly Finding[];
  readonly tookMs: number;
}

/** Gathers runs. */
export function createReport(seed: string) {
  const tally = emptyTally();
  const findings: Finding[] = [];
  return {
    add(run: number, result: { readonly tally: Tally; readonly violations: readonly Violation[] }): void {
      addTally(tally, result.tally);
      findings.push(...result.violations.map((violation) => ({ seed, run, ...violation })));
    },
    soFar: (tookMs: number): ChaosReport => ({ seed, tally, findings, tookMs }),
  };
}

/** The end of the report: what was gone through, and what broke. */
export function renderReport({ seed, tally, findings, tookMs }: ChaosReport, flags: string): string {
  const errors = Object.entries(tally.errors).toSorted(([a], [b]) => a.localeCompare(b));
  const rows: readonly (readonly [string, number | string])[] = [
    ['seed', seed],
    ['runs', tally.runs],
    ['changes of projects', tally.changes],
    ['deliveries', tally.deliveries],
    ['kills', tally.kills],
    ['stalls', tally.stalls],
    ['duplicates', tally.duplicates],
    ['reorderings', tally.reorderings],
    ['events lost on purpose', tally.losses],
    ['injected errors', errors.reduce((sum, [, count]) => sum + count, 0)],
    ...errors.map(([kind, count]) => [`  ${kind}`, count] as const),
    ['step-downs of the primary', tally.stepDowns],
    ['losses of the oplog', tally.oplogLosses],
    ['clusters replaced by a restored one', tally.restores],
    ['values refused', tally.refused],
    ['parents deleted alone', tally.abandoned],
    ['dead letters', tally.deadLetters],
    ['  redriven', tally.redriven],
    ['reconciliations', tally.reconciliations],
    ['deletions invented', tally.invented],
    ['holds released', tally.released],
    ['holds discarded', tally.discarded],
    ['pauses', tally.pauses],
    ['  parked to the end', tally.parked],
    ['pages of the archive', tally.archived],
    ['late writes', tally.late],
    ['  deletions by the guard', tally.guarded],
    ['  deletions by visits', tally.visited],
    ['seconds', (tookMs / millisecondsPerSecond).toFixed(1)],
    ['violations', findings.length],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${String(value).padStart(numberWidth)}`),
    ...findings.map(
      (finding) =>
        `VIOLATION  ${finding.what}: ${finding.detail}\n           again: npm --prefix functions run chaos -- ${flags}--replay ${finding.seed}:${finding.run}`,
    ),
  ].join('\n');
}

const numberWidth = 8;
const millisecondsPerSecond = 1_000;
