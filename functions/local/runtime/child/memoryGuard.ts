import { writeSync } from 'node:fs';
import { memoryLimitVariable } from '../wire.ts';

/** How often the memory of the process is compared with its limit, in ms. */
const lookEveryMs = 100;

const stderr = 2;
const bytesPerMiB = 1024 * 1024;

/** Ends this process when it holds more memory than its function may, as Cloud Run does: without mercy, with a line in
 *  the log. */
export function dieBeyondMemoryLimit(): void {
  const limitMiB = Number(process.env[memoryLimitVariable]);
  delete process.env[memoryLimitVariable];
  const look = setInterval(() => {
    const usedMiB = Math.round(process.memoryUsage.rss() / bytesPerMiB);
    if (usedMiB <= limitMiB) return;
    const message = `memory limit of ${limitMiB} MiB exceeded with ${usedMiB} MiB used`;
    // Written at once: nothing that waits for the event loop would still happen.
    writeSync(stderr, `${JSON.stringify({ severity: 'ERROR', message })}\n`);
    process.kill(process.pid, 'SIGKILL');
  }, lookEveryMs);
  look.unref();
}
