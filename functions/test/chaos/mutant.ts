import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutation } from './mutations.ts';

const functionsDir = join(import.meta.dirname, '..', '..');

/** A copy of the source in a temporary directory, in which guarantees may be broken. */
export interface MutantYard {
  /** Breaks a copy and lets the chaos runs look for it, until the first violation.
   *  @throws Error when a text that is to be replaced is not there exactly once. */
  attack(mutation: Mutation, runs: number): Promise<Attack>;
  close(): void;
}

export interface Attack {
  readonly exitCode: number | null;
  readonly output: string;
}

export function openMutantYard(): MutantYard {
  const root = mkdtempSync(join(tmpdir(), 'lockstep-mutants-'));
  for (const name of ['local', 'deploy', 'package.json'])
    cpSync(join(functionsDir, name), join(root, name), { recursive: true });
  for (const name of ['chaos', 'support'])
    cpSync(join(functionsDir, 'test', name), join(root, 'test', name), { recursive: true });
  symlinkSync(join(functionsDir, 'node_modules'), join(root, 'node_modules'), 'dir');

  return {
    async attack({ patches, what, weather, seed }, runs) {
      const source = join(root, 'src');
      rmSync(source, { recursive: true, force: true });
      cpSync(join(functionsDir, 'src'), source, { recursive: true });
      for (const { file, find, replace } of patches) {
        const path = join(source, file);
        const text = readFileSync(path, 'utf8');
        const found = text.split(find).length - 1;
        if (found !== 1) {
          throw new Error(
            `"${what}" does not apply any more: this is ${found} times in src/${file}, and must be there once:\n${find}`,
          );
        }
        writeFileSync(
          path,
          text.replace(find, () => replace),
        );
      }
      return run(root, ['--runs', String(runs), '--seed', seed, '--weather', weather, '--until-violation']);
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}

function run(root: string, words: readonly string[]): Promise<Attack> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join('test', 'chaos', 'main.ts'), ...words], { cwd: root });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        output += data.toString();
      });
    }
    child.once('error', reject);
    child.once('exit', (exitCode) => resolve({ exitCode, output }));
  });
}
