import { hourMs, minuteMs, secondMs } from '../../src/clock.ts';
import type { BenchTable } from '../benchmark.ts';
import { type LineChart, lineChart } from '../plot/lineChart.ts';
import { quantile } from '../statistics.ts';
import type { Deployment } from './deployment.ts';
import { type MonthlyCost, monthlyCost, totalOf } from './monthlyCost.ts';
import { type Change, changesOf, type ScenarioName, scenarioNames, type WorldSize } from './scenario.ts';
import { seededRandom } from './seededRandom.ts';
import { type Bound, bounds, type Simulated, simulate } from './simulate.ts';

/** One scenario in one size. */
export interface Played {
  readonly scenario: ScenarioName;
  readonly size: WorldSize;
  readonly changes: readonly Change[];
  readonly simulated: Simulated;
}

/** Plays every scenario in every size; the same for the same seed. */
export function playWorlds(sizes: readonly WorldSize[], deployment: Deployment, seed: number): readonly Played[] {
  return sizes.flatMap((size) =>
    scenarioNames.map((scenario) => {
      const changes = changesOf(scenario, size, seed);
      return { scenario, size, changes, simulated: simulate(changes, deployment, seededRandom(seed)) };
    }),
  );
}

/** Nobody notices a wait below this, in ms. */
const noticedMs = 100;

/** The limit that changes have waited for most; undefined where nobody would notice it, on average. */
export function bindingOf({ waitedFor, changes }: Simulated): Bound | undefined {
  const [most] = [...bounds].sort((a, b) => waitedFor[b] - waitedFor[a]);
  return most === undefined || waitedFor[most] < changes * noticedMs ? undefined : most;
}

/** When everything that was there at the beginning had been shown, in ms: the end of a mass deletion, or of catching
 *  up. 0 where nothing was there. */
export function caughtUpMs({ changes, simulated }: Pick<Played, 'changes' | 'simulated'>): number {
  const first = changes.filter(({ atMs }) => atMs === 0).length;
  if (first === 0) return 0;
  // Those that were there at the beginning have waited since 0.
  return simulated.shown.findLast(({ atMs, waitMs }) => atMs === waitMs)?.atMs ?? 0;
}

export function scenarioTable(played: readonly Played[]): BenchTable {
  return {
    title: 'How long it takes, and what binds',
    headings: ['projects', 'scenario', 'changes', 'assets', 'caught up after', 'p50', 'p99', 'longest', 'binds'],
    rows: played.map((one) => {
      const { scenario, size, changes, simulated } = one;
      const waits = simulated.shown.map(({ waitMs }) => waitMs).sort((a, b) => a - b);
      return [
        size.projects,
        scenario,
        changes.length,
        changes.reduce((sum, { assets }) => sum + assets, 0),
        scenario === 'day' ? '-' : duration(caughtUpMs(one)),
        duration(quantile(waits, 0.5)),
        duration(quantile(waits, 0.99)),
        duration(waits.at(-1) ?? 0),
        bindingOf(simulated) ?? 'nothing',
      ];
    }),
  };
}

export function costTable(played: readonly Played[], deployment: Deployment): BenchTable {
  const days = played.filter(({ scenario }) => scenario === 'day');
  const costs = days.map(({ simulated, size }) => monthlyCost(simulated, size.projects, deployment));
  const parts = Object.keys(costs[0] ?? {}) as (keyof MonthlyCost)[];
  return {
    title: 'What a month of such days costs, in US dollars',
    headings: ['projects', ...parts, 'all together'],
    rows: days.map(({ size }, index) => {
      const cost = costs[index];
      if (cost === undefined) throw new Error('a day has no cost');
      return [size.projects, ...parts.map((part) => dollars(cost[part])), dollars(totalOf(cost))];
    }),
  };
}

/** Plots by the names of their files. */
export function worldPlots(played: readonly Played[]): Readonly<Record<string, string>> {
  const largest = Math.max(...played.map(({ size }) => size.projects));
  const ofLargest = played.filter(({ size, scenario }) => size.projects === largest && scenario !== 'day');
  return {
    'world-backlog.svg': lineChart(backlogChart(ofLargest, largest)),
    'world-sizes.svg': lineChart({
      title: 'Until everything is caught up',
      xLabel: 'projects, as a power of ten',
      yLabel: 'minutes',
      lines: scenarioNames
        .filter((name) => name !== 'day')
        .map((name) => ({
          name,
          points: played
            .filter(({ scenario }) => scenario === name)
            .map((one) => [Math.log10(one.size.projects), caughtUpMs(one) / minuteMs]),
        })),
    }),
  };
}

/** So many points make a line smooth enough. */
const pointsPerLine = 60;

function backlogChart(played: readonly Played[], projects: number): LineChart {
  const endMs = Math.max(...played.map(caughtUpMs)) * 1.1;
  return {
    title: `Changes that are not shown yet, ${projects.toLocaleString('en-US')} projects`,
    xLabel: 'minutes',
    yLabel: 'changes',
    lines: played.map(({ scenario, changes, simulated }) => {
      let [come, gone] = [0, 0];
      const points = Array.from({ length: pointsPerLine + 1 }, (_, step): readonly [number, number] => {
        const atMs = (endMs * step) / pointsPerLine;
        while ((changes[come]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs) come += 1;
        while ((simulated.shown[gone]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs) gone += 1;
        return [Number((atMs / minuteMs).toFixed(2)), come - gone];
      });
      return { name: scenario, points };
    }),
  };
}

function duration(ms: number): string {
  if (ms < secondMs) return `${Math.round(ms)} ms`;
  if (ms < 2 * minuteMs) return `${(ms / secondMs).toFixed(1)} s`;
  return ms < 2 * hourMs ? `${(ms / minuteMs).toFixed(1)} min` : `${(ms / hourMs).toFixed(1)} h`;
}

function dollars(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2);
}
