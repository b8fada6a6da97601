// `npm run bench`: how fast Lockstep is, against named baselines, and what it costs.
import { allBenchmarks } from './all.ts';
import { renderResult } from './renderResult.ts';
import { benchSettings, usage } from './settings.ts';

/** Exit status of a call whose words are wrong. */
const usageError = 2;

async function main(): Promise<number> {
  const benchmarks = allBenchmarks;
  const settings = benchSettings(process.argv.slice(2), benchmarks);
  if (settings.kind === 'help') {
    console.log(usage(benchmarks));
    return 0;
  }
  if (settings.kind === 'mistake') {
    console.error(`bench: ${settings.message}\n\n${usage(benchmarks)}`);
    return usageError;
  }
  for (const benchmark of settings.benchmarks) {
    const onProgress = (text: string) => console.error(`bench ${benchmark.name}: ${text}`);
    const result = await benchmark.run({ size: settings.size, onProgress });
    console.log(settings.json ? JSON.stringify(result) : `\n${renderResult(result)}`);
  }
  return 0;
}

// Sockets of the client libraries would keep the process alive for a while after all is done.
process.exit(await main());
