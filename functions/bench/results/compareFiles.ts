import type { Terminal } from '../../src/cli/terminal.ts';
import type { BenchSettings } from '../settings.ts';
import { beyond, compareResults } from './compare.ts';
import { percent, renderComparison } from './renderComparison.ts';
import { readResults } from './resultsFile.ts';

/** Compares two files of results; returns the exit code.
 *  @throws UsageError when they cannot be compared. */
export function compareFiles(
  { files, limit }: Extract<BenchSettings, { kind: 'compare' }>,
  { print }: Pick<Terminal, 'print'>,
): number {
  const [earlier, later] = [readResults(files[0]), readResults(files[1])];
  const comparison = compareResults(earlier, later);
  renderComparison(comparison, earlier, later).split('\n').forEach(print);
  if (limit === undefined) return 0;
  const worse = beyond(comparison, limit);
  for (const { name, worseBy } of worse)
    print(`beyond the limit of ${percent(limit)}: ${name}, worse by ${percent(worseBy)}`);
  if (worse.length === 0) print(`nothing is worse by more than ${percent(limit)}`);
  return worse.length > 0 ? 1 : 0;
}
