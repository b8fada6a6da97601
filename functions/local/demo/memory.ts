import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Stack } from '../stack.ts';

const run = promisify(execFile);
const kibibytesPerMebibyte = 1024;

/** Resident memory of this process, which holds the servers, and of the processes of the functions. */
export async function memoryOfProcesses(
  stack: Stack,
): Promise<{ readonly totalMiB: number; readonly serversMiB: number; readonly processes: number }> {
  const functions = stack.runtime?.functions().flatMap(({ pids }) => pids) ?? [];
  const kibibytes = await Promise.all([process.pid, ...functions].map(residentKiB));
  const total = kibibytes.reduce((sum, resident) => sum + resident, 0);
  return {
    totalMiB: Math.round(total / kibibytesPerMebibyte),
    serversMiB: Math.round((kibibytes[0] ?? 0) / kibibytesPerMebibyte),
    processes: kibibytes.length,
  };
}

/** Linux tells in /proc (see proc(5)), where `ps` is not always installed; elsewhere `ps` does. */
async function residentKiB(pid: number): Promise<number> {
  if (process.platform === 'linux') {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  }
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Number(stdout.trim());
}
