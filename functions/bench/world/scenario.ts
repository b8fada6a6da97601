import { dayMs } from '../../src/clock.ts';
import { poissonArrivals } from '../backlog/arrivals.ts';
import { seededRandom } from './seededRandom.ts';

/** A change of one project. */
export interface Change {
  /** When MongoDB commits it, in ms from the beginning. */
  readonly atMs: number;
  readonly kind: 'rename' | 'deletion';
  readonly assets: number;
}

export const scenarioNames = ['day', 'mass deletion', 'outage'] as const;
export type ScenarioName = (typeof scenarioNames)[number];

/** How large the world is. */
export interface WorldSize {
  readonly projects: number;
  /** On average. Most projects are small and few are large: the sizes are distributed exponentially. */
  readonly assetsPerProject: number;
  /** Share of the projects that change in a day. */
  readonly dailyChurn: number;
  /** Of these, how many are deletions. */
  readonly deletionShare: number;
  /** Projects that one `deleteMany` takes. */
  readonly massDeletion: number;
  readonly outageMs: number;
}

/** 10 million projects, 1 billion assets. */
export const wholeWorld: WorldSize = {
  projects: 10_000_000,
  assetsPerProject: 100,
  dailyChurn: 0.01,
  deletionShare: 0.1,
  massDeletion: 100_000,
  outageMs: dayMs,
};

/** The same world with another number of projects; a mass deletion stays one per cent of them. */
export function worldOf(projects: number, assetsPerProject = wholeWorld.assetsPerProject): WorldSize {
  return { ...wholeWorld, projects, assetsPerProject, massDeletion: Math.max(1, Math.round(projects / 100)) };
}

/** How long changes keep coming in each scenario, in ms. */
const horizonMs = dayMs;

/** The changes of a scenario, in order of time; the same for the same seed. */
export function changesOf(name: ScenarioName, size: WorldSize, seed: number): readonly Change[] {
  const random = seededRandom(seed);
  const daily = Math.max(1, Math.round(size.projects * size.dailyChurn));
  const usual = poissonArrivals(daily, daily / (horizonMs / 1_000), random).map((atMs) =>
    usualChange(size, atMs, random),
  );
  switch (name) {
    case 'day':
      return usual;
    case 'mass deletion':
      return [...Array.from({ length: size.massDeletion }, () => change(size, 0, 'deletion', random)), ...usual];
    case 'outage': {
      // What has been committed while nothing ran is there at once, and the usual day goes on.
      const missed = Math.round((daily * size.outageMs) / horizonMs);
      return [...Array.from({ length: missed }, () => usualChange(size, 0, random)), ...usual];
    }
  }
}

function usualChange(size: WorldSize, atMs: number, random: () => number): Change {
  return change(size, atMs, random() < size.deletionShare ? 'deletion' : 'rename', random);
}

function change({ assetsPerProject }: WorldSize, atMs: number, kind: Change['kind'], random: () => number): Change {
  return { atMs, kind, assets: Math.round(-Math.log(1 - random()) * assetsPerProject) };
}
