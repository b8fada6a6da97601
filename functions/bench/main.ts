// `npm run bench`: how fast Lockstep is, against named baselines, and what it costs.
import { runAsProcess } from '../src/cli/command.ts';
import { allBenchmarks } from './all.ts';
import { benchCommand } from './command.ts';

await runAsProcess(benchCommand(allBenchmarks));
