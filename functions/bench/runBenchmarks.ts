import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Terminal } from '../src/cli/terminal.ts';
import type { BenchResult } from './benchmark.ts';
import { renderResult } from './renderResult.ts';
import { standingOf } from './results/goals.ts';
import { currentCommit, currentLoad, thisMachine } from './results/machine.ts';
import { type MeasuredResult, writeResults } from './results/resultsFile.ts';
import type { BenchSettings } from './settings.ts';
import { median } from './statistics.ts';

/** Runs benchmarks one after the other, prints what each found, and writes the files that were asked for; 1 where
 *  one of full size misses a goal.
 *  @throws Error what a benchmark throws: the results before it are in the file */
export async function runBenchmarks(
  { benchmarks, size, largeProject, jsonFile, plotFolder }: Extract<BenchSettings, { kind: 'run' }>,
  { print, note, clock }: Pick<Terminal, 'print' | 'note' | 'clock'>,
): Promise<number> {
  const printAll = (text: string) => text.split('\n').forEach(print);
  const startedAt = new Date(clock.now()).toISOString();
  const results: MeasuredResult[] = [];
  for (const benchmark of benchmarks) {
    const load = currentLoad();
    const begunAt = clock.now();
    const onProgress = (text: string) => note(`bench ${benchmark.name}: ${text}`);
    const { plots = {}, ...result } = await benchmark.run({ size, largeProject, onProgress });
    results.push({ ...result, load, tookMs: clock.now() - begunAt });
    printAll(`\n${renderResult(result)}\nload before: ${load.toFixed(2)}`);
    if (jsonFile !== undefined) {
      writeResults(jsonFile, { startedAt, size, machine: thisMachine(), commit: currentCommit(), results });
    }
    if (plotFolder !== undefined) writePlots(plotFolder, plots, note);
  }
  return size === 'full' ? reportGoals(results, print) : 0;
}

/** Says which goals were reached; 1 where one was not. */
function reportGoals(results: readonly BenchResult[], print: (line: string) => void): number {
  const judged = results
    .flatMap(({ figures }) => figures)
    .flatMap((figure) => {
      const standing = standingOf(figure);
      return standing === undefined ? [] : [{ ...standing, name: figure.name, value: median(figure.samples), figure }];
    });
  const missed = judged.filter(({ isMet }) => !isMet);
  print('');
  print(`goals: ${judged.length - missed.length} of ${judged.length} reached`);
  for (const { name, value, goal, figure } of missed) {
    print(
      `missed: ${name} is ${value.toFixed(2)}, ${figure.better === 'higher' ? 'at least' : 'at most'} ${goal} wanted`,
    );
  }
  return missed.length > 0 ? 1 : 0;
}

function writePlots(folder: string, plots: Readonly<Record<string, string>>, note: (line: string) => void): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, svg] of Object.entries(plots)) {
    const file = join(folder, name);
    writeFileSync(file, svg);
    note(`wrote ${file}`);
  }
}
