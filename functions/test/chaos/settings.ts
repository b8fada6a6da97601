import { parseArgs } from 'node:util';
import { type Weather, weathers } from './weather.ts';

export const usage = `usage: npm --prefix functions run chaos -- [options]

Runs the relay, the work on events and the reconciliation under faults that come from a seed, lets everything settle, and compares MongoDB and Firestore
document by document. Ends with 1 when a guarantee was broken.

  --runs N         how many runs (default 100; with --processes 10)
  --seed S         what all faults and histories are made from (default: the time)
  --replay S:K     run K of seed S alone, with everything that happened in it
  --processes      functions and relay in processes of their own that get killed, instead of simulated ones
  --weather NAME   only one kind of faults: ${weathers.map(({ name }) => name).join(', ')} (default: a mixture)
  --until-violation  ends with the first run that breaks a guarantee
  --json           one JSON object at the end instead of lines
  --help           this text
`;

export interface ChaosSettings {
  readonly seed: string;
  /** Numbers of the runs. */
  readonly first: number;
  readonly runs: number;
  readonly processes: boolean;
  readonly untilViolation: boolean;
  readonly json: boolean;
  readonly replay: boolean;
  readonly weather?: Weather;
}

/** The command's words are wrong. */
export class ChaosUsageError extends Error {}

const defaultRuns = { simulated: 100, processes: 10 };

/** Reads the words of the command; undefined: help was asked for.
 *  @throws ChaosUsageError */
export function readSettings(words: readonly string[], nowMs: number): ChaosSettings | undefined {
  const values = parse(words);
  if (values.help) return undefined;
  const weather = weathers.find(({ name }) => name === values.weather);
  if (values.weather !== undefined && weather === undefined) {
    throw new ChaosUsageError(`--weather: there is no "${values.weather}"`);
  }
  const common = {
    ...(weather && { weather }),
    processes: values.processes === true,
    untilViolation: values['until-violation'] === true,
    json: values.json === true,
  };
  if (values.replay !== undefined) {
    const [, seed, run] = /^(.+):(\d+)$/.exec(values.replay) ?? [];
    if (seed === undefined || run === undefined) {
      throw new ChaosUsageError(`--replay: expected SEED:RUN, received "${values.replay}"`);
    }
    return { ...common, seed, first: Number(run), runs: 1, replay: true };
  }
  const seed = values.seed ?? String(nowMs);
  if (!/^[\w-]{1,40}$/.test(seed))
    throw new ChaosUsageError(`--seed: expected letters, digits, "-" and "_", received "${seed}"`);
  const runs = Number(values.runs ?? (common.processes ? defaultRuns.processes : defaultRuns.simulated));
  if (!Number.isSafeInteger(runs) || runs < 1) {
    throw new ChaosUsageError(`--runs: expected a whole number of at least 1, received "${values.runs}"`);
  }
  return { ...common, seed, first: 0, runs, replay: false };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        runs: { type: 'string' },
        seed: { type: 'string' },
        replay: { type: 'string' },
        weather: { type: 'string' },
        processes: { type: 'boolean' },
        'until-violation': { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new ChaosUsageError(error instanceof Error ? error.message : String(error));
  }
}
