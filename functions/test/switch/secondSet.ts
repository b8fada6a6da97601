import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const functionsDir = join(import.meta.dirname, '..', '..');

/** The last line that `npm run local` prints before it waits. */
const upText = 'Every change shows below';

/** Our servers in a process of their own, as somebody starts them in another terminal. */
export interface SecondSet {
  /** What `npm run local` tells to export. */
  readonly variables: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Starts `npm run local` on free ports, without functions. */
export async function startSecondSet(): Promise<SecondSet> {
  const ports = ['mongodb', 'firestore', 'pubsub'].flatMap((service) => [`--${service}-port`, '0']);
  const child = spawn(process.execPath, [join(functionsDir, 'local', 'cli', 'local.ts'), '--no-functions', ...ports], {
    cwd: functionsDir,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const variables: Record<string, string> = {};
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, name, value] = /^ *export (\w+)='(.*)'$/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) variables[name] = value;
      if (line.includes(upText)) resolve();
    });
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`npm run local ended with code ${code} before it was up`)));
  });
  return {
    variables,
    async close() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
