// `npm run chaos`: the guarantees under attack, from a printed seed.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { processRuns } from './processRuns.ts';
import { createReport, renderReport } from './report.ts';
import { type ChaosSettings, ChaosUsageError, readSettings, usage } from './settings.ts';
import { simulatedRuns } from './simulatedRuns.ts';

/** How often progress is printed, in ms. */
const progressEveryMs = 5_000;

async function main(settings: ChaosSettings): Promise<number> {
  const report = createReport(settings.seed);
  const startedAt = performance.now();
  const took = () => performance.now() - startedAt;
  const say = (text: string) => settings.json || console.log(text);
  let saidAt = startedAt;
  say(`chaos: ${settings.runs} runs of seed ${settings.seed}`);
  if (settings.processes) build();
  const runs = settings.processes ? processRuns : simulatedRuns;
  await runs({ ...settings, traced: settings.replay }, (run, result) => {
    report.add(run, result);
    for (const line of result.trace) say(line);
    for (const { what, detail } of result.violations) say(`run ${run}: ${what}: ${detail}`);
    if (performance.now() - saidAt > progressEveryMs) {
      saidAt = performance.now();
      say(
        `chaos: ${run + 1 - settings.first} of ${settings.runs} runs, ${report.soFar(took()).findings.length} violations`,
      );
    }
    return !settings.untilViolation || result.violations.length === 0;
  });
  const end = report.soFar(took());
  console.log(settings.json ? JSON.stringify(end) : `\n${renderReport(end, flagsOf(settings))}`);
  return end.findings.length === 0 ? 0 : 1;
}

/** The functions run as they are deployed: from lib/. */
function build(): void {
  const program = join(import.meta.dirname, '..', '..', 'local', 'build.ts');
  const run = spawnSync(process.execPath, [program], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (run.status !== 0) throw new Error('src/ does not compile; the messages of the compiler stand above');
}

/** What a replay needs besides the number of the run. */
function flagsOf({ processes, weather }: ChaosSettings): string {
  return `${processes ? '--processes ' : ''}${weather ? `--weather ${weather.name} ` : ''}`;
}

try {
  const settings = readSettings(process.argv.slice(2), Date.now());
  if (settings === undefined) console.log(usage);
  else process.exitCode = await main(settings);
} catch (error) {
  if (!(error instanceof ChaosUsageError)) throw error;
  console.error(`chaos: ${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
