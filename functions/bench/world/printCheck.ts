import type { Terminal } from '../../src/cli/terminal.ts';
import type { BenchTable } from '../benchmark.ts';
import { renderTable } from '../renderResult.ts';
import { currentLoad } from '../results/machine.ts';
import type { BenchSettings } from '../settings.ts';
import { type Checked, type CheckSize, checkModel, wrongOperations } from './check.ts';
import { worldOf } from './scenario.ts';

/** A thousandth of the whole world, and a ten-thousandth. */
export const checkSizes: Readonly<Record<'full' | 'quick', CheckSize>> = {
  full: { world: worldOf(10_000), calibrationAssets: 5_000, calibrationEvents: 200 },
  quick: { world: worldOf(1_000), calibrationAssets: 300, calibrationEvents: 10 },
};

/** Plays a small world on this machine and in the model, and prints both; returns the exit code: 1 where the model has
 *  the billed operations wrong. */
export async function printCheck(
  { size, seed }: Extract<BenchSettings, { kind: 'check' }>,
  { print, note }: Pick<Terminal, 'print' | 'note'>,
): Promise<number> {
  const load = currentLoad();
  const checked = await checkModel(checkSizes[size], seed, (text) => note(`bench world --check: ${text}`));
  renderTable(tableOf(checked)).split('\n').forEach(print);
  print('');
  print(`load before: ${load.toFixed(2)}; the model takes the machine to have nothing else to do`);
  const wrong = wrongOperations(checked);
  for (const sentence of wrong) print(`wrong: ${sentence}`);
  return wrong.length > 0 ? 1 : 0;
}

function tableOf(checked: readonly Checked[]): BenchTable {
  return {
    title: 'The model against this machine: one instance, what is there at the beginning',
    headings: ['scenario', 'changes', 'assets', 'what', 'model', 'machine', 'model/machine'],
    rows: checked.flatMap(({ scenario, changes, assets, model, machine }) =>
      (['seconds', 'cpuSeconds', 'reads', 'writes', 'deletes'] as const).map((what) => [
        scenario,
        changes,
        assets,
        titles[what],
        digits(what, model[what]),
        digits(what, machine[what]),
        machine[what] === 0 ? '-' : (model[what] / machine[what]).toFixed(2),
      ]),
    ),
  };
}

const titles = {
  seconds: 'seconds',
  cpuSeconds: 'CPU seconds of the instance',
  reads: 'reads',
  writes: 'writes',
  deletes: 'deletes',
} as const;

function digits(what: keyof typeof titles, value: number): string {
  return value.toFixed(what === 'seconds' || what === 'cpuSeconds' ? 2 : 0);
}
