import type { Command } from '@commander-js/extra-typings';
import { type TerminalCommand, UsageError } from '../src/cli/command.ts';
import type { Benchmark } from './benchmark.ts';
import { compareFiles } from './results/compareFiles.ts';
import { runBenchmarks } from './runBenchmarks.ts';
import type { BenchSettings } from './settings.ts';
import { deployedSettings } from './world/deployment.ts';
import { publishedLimits } from './world/limits.ts';
import { playWorld } from './world/playWorld.ts';
import { printCheck } from './world/printCheck.ts';
import { wholeWorld } from './world/scenario.ts';

/** In place of a name: every benchmark. */
const every = 'all';

/** Declares the command line over these benchmarks, and what it does. */
export function benchCommand(benchmarks: readonly Benchmark[]): TerminalCommand<BenchSettings> {
  return {
    name: 'bench',
    saves: false,
    declare(command, accept) {
      command
        .description('Measures how fast Lockstep is, against named baselines, and what it costs.')
        .usage('[names... | compare | world] [options]');
      declareRun(command, benchmarks, accept);
      declareCompare(command, accept);
      declareWorld(command, accept);
    },
    async run(settings, terminal) {
      switch (settings.kind) {
        case 'run':
          return runBenchmarks(settings, terminal);
        case 'compare':
          return compareFiles(settings, terminal);
        case 'world':
          return playWorld(settings, terminal);
        case 'check':
          return printCheck(settings, terminal);
      }
    },
  };
}

function declareRun(command: Command, benchmarks: readonly Benchmark[], accept: (settings: BenchSettings) => void) {
  const names = benchmarks.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`).join('\n');
  const list = `
Benchmarks, one after the other, each with servers of its own; without a name, or with "${every}", every one:
${names}`;
  command.addHelpText('after', `${list}\n\nMore: bench -- run --help, bench -- compare --help, bench -- world --help`);
  command
    .command('run', { isDefault: true })
    .description('runs benchmarks (the word "run" may be left out)')
    .argument('[names...]', `benchmarks, or "${every}"`)
    .option('--quick', 'small sizes and one round: shows that they work, and no more', false)
    .option('--json <file>', 'writes figures, machine and commit to a file, to compare with another')
    .option('--plots <folder>', 'writes the plots of the benchmarks as SVG')
    .option(
      '--large-project <assets>',
      'of scale, instead of 200,000',
      wholeNumber('--large-project', 1_000, 10_000_000),
    )
    .addHelpText('after', list)
    .action((asked, { quick, json, plots, largeProject }) => {
      const unknown = asked.filter((name) => name !== every && !benchmarks.some((one) => one.name === name));
      if (unknown.length > 0) {
        const known = benchmarks.map(({ name }) => name).join(', ');
        throw new UsageError(
          `there is no benchmark "${unknown.join('", "')}"; there are ${known}, and ${every} for every one`,
        );
      }
      accept({
        kind: 'run',
        benchmarks:
          asked.length === 0 || asked.includes(every)
            ? benchmarks
            : benchmarks.filter(({ name }) => asked.includes(name)),
        size: quick ? 'quick' : 'full',
        largeProject,
        jsonFile: json,
        plotFolder: plots,
      });
    });
}

function declareCompare(command: Command, accept: (settings: BenchSettings) => void) {
  command
    .command('compare')
    .description('compares two files of --json: ratios with their spread, and what is within noise')
    .argument('<earlier>', 'the file that is the baseline')
    .argument('<later>', 'the file that is judged')
    .option('--limit <percent>', 'exit code 1 where a figure is worse by more than this, such as 3%', shareOf)
    .addHelpText(
      'after',
      `
A figure is better or worse only where the interval of its ratio leaves 1 out; figures that are counted (reads,
writes) have no noise. It takes three runs of each to judge a figure that is timed.

Exit code: 0 compared, and nothing worse than the limit; 1 worse than the limit; 2 a mistake in the command, or files
that cannot be compared.`,
    )
    .action((earlier, later, { limit }) => accept({ kind: 'compare', files: [earlier, later], limit }));
}

function declareWorld(command: Command, accept: (settings: BenchSettings) => void) {
  const { relayShards, instances, concurrency, roundTripMs } = deployedSettings;
  const { instancesPerRegion, requestsPerInstance } = publishedLimits;
  command
    .command('world')
    .description('a model of internet scale: time, cost a month, and which limit binds')
    .option('--projects <count>', 'one size instead of all', wholeNumber('--projects', 1, 1_000_000_000))
    .option(
      '--assets <count>',
      'of a project, on average',
      wholeNumber('--assets', 0, 1_000_000),
      wholeWorld.assetsPerProject,
    )
    .option('--results <file>', 'a file of --json whose figures the model takes')
    .option('--shards <count>', 'relays (RELAY_SHARDS)', wholeNumber('--shards', 1, 64), relayShards)
    .option('--instances <count>', 'of syncProject', wholeNumber('--instances', 1, instancesPerRegion), instances)
    .option(
      '--concurrency <count>',
      'events at once',
      wholeNumber('--concurrency', 1, requestsPerInstance),
      concurrency,
    )
    .option('--round-trip <ms>', 'to Firestore and back', wholeNumber('--round-trip', 0, 10_000), roundTripMs)
    .option('--seed <number>', 'the same seed gives the same world', wholeNumber('--seed', 0, 2 ** 31), 15)
    .option('--plots <folder>', 'writes plots as SVG')
    .option('--check', 'plays a thousandth of it on this machine, and compares that with the model', false)
    .option('--quick', 'with --check: a ten-thousandth', false)
    .addHelpText('after', '\ndocs/scale.md says what is modelled, and what is not.')
    .action((options) => {
      if (options.check) return accept({ kind: 'check', size: options.quick ? 'quick' : 'full', seed: options.seed });
      accept({
        kind: 'world',
        projects: options.projects,
        assetsPerProject: options.assets,
        resultsFile: options.results,
        plotFolder: options.plots,
        seed: options.seed,
        relayShards: options.shards,
        instances: options.instances,
        concurrency: options.concurrency,
        roundTripMs: options.roundTrip,
      });
    });
}

/** @throws UsageError when the text is no whole number within the bounds. */
function wholeNumber(option: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text.replaceAll('_', ''));
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new UsageError(`${option}: "${text}" is no whole number from ${least} to ${most}`);
  };
}

/** `3%` or `3` as a share.
 *  @throws UsageError */
function shareOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*%?$/.exec(text);
  if (match === null) throw new UsageError(`--limit: "${text}" is no percentage such as 3%`);
  return Number(match[1]) / 100;
}
