import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { RelayHealth } from './health.ts';

/** How often a relay at work says how far behind it is, in ms: twice within every minute, on which the alert for a silent relay counts. */
const everyMs = 30_000;

/** Logs the state of a relay at work from now on, until the returned function is called. A metric reads `signal` and `lagMs` from these lines. */
export function logStatus(health: RelayHealth, clock: Clock, log: Log): () => void {
  let cancel = clock.after(everyMs, report);
  function report(): void {
    const { phase, lagMs, inFlight, published } = health.status();
    log.info('The relay is at work.', { signal: 'relay-status', phase, lagMs, inFlight, published });
    cancel = clock.after(everyMs, report);
  }
  return () => cancel();
}
