import { readdirSync, readFileSync } from 'node:fs';

/** Pause between two looks at the group, in ms. */
const lookEveryMs = 20;

/** Waits until no process of a group runs any more, and kills what is left after `graceMs`; true: there was something to kill. */
export async function endGroup(leader: number, graceMs: number): Promise<boolean> {
  const deadline = performance.now() + graceMs;
  while (performance.now() < deadline) {
    if (!isAlive(leader)) return false;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
  return isAlive(leader) && signal(leader, 'SIGKILL');
}

/** On Linux the processes are looked at: one that has ended, but that nobody has asked about (in a container whose first process asks about
 *  none), still counts for a signal. */
function isAlive(leader: number): boolean {
  if (process.platform !== 'linux') return signal(leader, 0);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      const { group, state } = statOf(pid);
      return group === leader && state !== 'Z' && state !== 'X';
    });
}

/** State and process group; see proc_pid_stat(5). The name before them is in brackets and may hold anything. */
function statOf(pid: string): { readonly state: string; readonly group: number } {
  try {
    const [state = '', , group] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return { state, group: Number(group) };
  } catch {
    // It has ended since the list was made.
    return { state: 'X', group: Number.NaN };
  }
}

/** Whether there was a process to signal. */
function signal(leader: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, name);
    return true;
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
