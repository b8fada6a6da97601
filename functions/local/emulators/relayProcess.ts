import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const functionsDir = join(import.meta.dirname, '..', '..');

/** How long the relay may take to save its checkpoint and end, in ms, before it is killed: it is written to end within ten seconds. */
const stopMs = 12_000;

/** The relay as a process of its own. */
export interface RelayProcess {
  /** Its exit code; null when it was killed. */
  readonly exited: Promise<number | null>;
  stop(): Promise<void>;
}

/** Starts `npm run relay` without npm. The CLI's emulators do not run functions on their schedules, and this is what one schedule is for. */
export function startRelay(env: Readonly<Record<string, string>>, onLine: (line: string) => void): RelayProcess {
  const lifeline = join(import.meta.dirname, 'lifeline.ts');
  const child = spawn(process.execPath, ['--import', lifeline, join(functionsDir, 'src', 'relay', 'main.ts')], {
    cwd: functionsDir,
    env: { ...process.env, PORT: '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C reaches it through `stop`, once.
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return {
    exited,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const hurry = setTimeout(() => child.kill('SIGKILL'), stopMs);
      await exited;
      clearTimeout(hurry);
    },
  };
}
