import { type RunResult, simulatedRun } from './simulatedRun.ts';
import { startServices } from './simulation/services.ts';
import type { Weather } from './weather.ts';

const day = 24 * 60 * 60 * 1_000;

/** Further apart than any run lasts, so that time never goes back for the servers. */
const apartMs = 2 * day;

/** When the first run takes place; the same for every call, so that a run does the same again. */
const beginsAt = Date.UTC(2026, 0, 2);

/** Runs one simulated run after the other on the same servers. `onRun` says whether to go on. */
export async function simulatedRuns(
  options: {
    readonly seed: string;
    readonly first: number;
    readonly runs: number;
    readonly traced?: boolean;
    readonly weather?: Weather;
  },
  onRun: (run: number, result: RunResult) => boolean,
): Promise<void> {
  const services = await startServices();
  try {
    for (let index = 0; index < options.runs; index += 1) {
      const run = options.first + index;
      const startsAt = beginsAt + index * apartMs;
      const result = await simulatedRun({
        ...(options.weather && { weather: options.weather }),
        seed: options.seed,
        run,
        services,
        startsAt,
        traced: options.traced === true,
      });
      if (!onRun(run, result)) return;
    }
  } finally {
    await services.close();
  }
}
