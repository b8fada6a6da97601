import { spawnSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';
import { z } from 'zod';

export const machineSchema = z.object({
  cpu: z.string(),
  cores: z.number().int().positive(),
  memoryMiB: z.number().int().positive(),
  platform: z.string(),
  node: z.string(),
});

/** Where figures were measured. */
export type Machine = z.infer<typeof machineSchema>;

export const commitSchema = z.object({
  hash: z.string(),
  /** Whether files differed from it. */
  changed: z.boolean(),
});

export type Commit = z.infer<typeof commitSchema>;

const bytesPerMebibyte = 1_024 * 1_024;

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: cpus().length,
    memoryMiB: Math.round(totalmem() / bytesPerMebibyte),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}

/** How many processes have wanted a processor in the last minute, on average; more than there are cores slow a
 *  benchmark down. Always 0 on Windows (https://nodejs.org/api/os.html#osloadavg). */
export function currentLoad(): number {
  return loadavg()[0] ?? 0;
}

/** The commit that is checked out; null outside of a repository, or without git. */
export function currentCommit(): Commit | null {
  const git = (...words: readonly string[]) => {
    const { status, stdout } = spawnSync('git', words, { cwd: import.meta.dirname, encoding: 'utf8' });
    return status === 0 ? stdout.trim() : null;
  };
  const hash = git('rev-parse', 'HEAD');
  return hash === null ? null : { hash, changed: git('status', '--porcelain') !== '' };
}
