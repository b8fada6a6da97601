import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Terminal } from '../../src/cli/terminal.ts';
import { renderTable } from '../renderResult.ts';
import { readResults } from '../results/resultsFile.ts';
import type { BenchSettings } from '../settings.ts';
import { deployedSettings } from './deployment.ts';
import { publishedLimits } from './limits.ts';
import { measuredFrom } from './measured.ts';
import { costTable, playWorlds, scenarioTable, worldPlots } from './report.ts';
import { worldOf } from './scenario.ts';

/** The sizes that are played where none is asked for: what to change at each order of magnitude. */
const usualProjects = [10_000, 100_000, 1_000_000, 10_000_000] as const;

/** Prints what the model says; returns the exit code.
 *  @throws UsageError when the file of results cannot be read. */
export function playWorld(
  settings: Extract<BenchSettings, { kind: 'world' }>,
  { print, note }: Pick<Terminal, 'print' | 'note'>,
): number {
  const {
    projects,
    assetsPerProject,
    resultsFile,
    plotFolder,
    seed,
    relayShards,
    instances,
    concurrency,
    roundTripMs,
  } = settings;
  const { measured, missing } = measuredFrom(resultsFile === undefined ? undefined : readResults(resultsFile));
  const deployment = {
    ...deployedSettings,
    measured,
    limits: publishedLimits,
    relayShards,
    instances,
    concurrency,
    roundTripMs,
  };
  const sizes = (projects === undefined ? usualProjects : [projects]).map((count) => worldOf(count, assetsPerProject));
  const played = playWorlds(sizes, deployment, seed);
  const text = [
    renderTable(scenarioTable(played)),
    '',
    renderTable(costTable(played, deployment)),
    '',
    `${assetsPerProject} assets per project on average, relays ${relayShards}, instances ${instances} with ${concurrency} events at once, round trip ${roundTripMs} ms, seed ${seed}`,
    `measured: ${JSON.stringify(measured)}`,
    ...(missing.length > 0 ? [`as committed, since no file of results has them: ${missing.join(', ')}`] : []),
  ].join('\n');
  text.split('\n').forEach(print);
  if (plotFolder !== undefined) {
    mkdirSync(plotFolder, { recursive: true });
    for (const [name, svg] of Object.entries(worldPlots(played))) {
      writeFileSync(join(plotFolder, name), svg);
      note(`wrote ${join(plotFolder, name)}`);
    }
  }
  return 0;
}
