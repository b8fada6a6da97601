import type { Clock } from '../clock.ts';
import { isTransientCall } from '../grpc.ts';
import { errorText, type Log } from '../log.ts';
import { slept, untilAborted } from '../waiting.ts';
import { type ControlReader, controlCacheMs, type Pause, pauseOf } from './control.ts';

interface Watching {
  readonly control: ControlReader;
  readonly clock: Clock;
  readonly log: Log;
}

/** Waits while the relay is paused; resolves with the pause that still holds when the signal ended the waiting, with
 *  undefined when nothing is paused.
 *  @throws ControlError; what Firestore answers when no retry helps. */
export async function untilRelayResumed(
  { control, clock, log }: Watching,
  signal: AbortSignal,
): Promise<Pause | undefined> {
  let paused: Pause | undefined;
  while (!signal.aborted) {
    try {
      const known = await untilAborted(control.read(), signal);
      if (typeof known === 'symbol') break;
      const pause = pauseOf(known, 'relay');
      if (pause === undefined) {
        if (paused !== undefined) log.info('the relay goes on', { pausedSince: new Date(paused.since).toISOString() });
        return undefined;
      }
      if (paused === undefined) log.warn('the relay is paused; changes wait in MongoDB', factsOf(pause));
      paused = pause;
    } catch (error) {
      if (!isTransientCall(error)) throw error;
      log.warn('whether the relay is paused could not be read; retrying', { error: errorText(error) });
    }
    if (!(await slept(clock, controlCacheMs, signal))) break;
  }
  return paused;
}

/** Looks every few seconds whether the relay was paused, until it is stopped; then it calls `onPaused` once.
 *  `onUnknown` is called when that cannot be known and no retry helps. */
export function watchRelayPause(
  { control, clock, log }: Watching,
  onPaused: (pause: Pause) => void,
  onUnknown: (error: unknown) => void,
): () => void {
  let isStopped = false;
  let cancel = () => {};
  const look = async (): Promise<void> => {
    try {
      const pause = pauseOf(await control.read(), 'relay');
      if (isStopped) return;
      if (pause !== undefined) {
        log.warn('the relay is paused; changes wait in MongoDB', factsOf(pause));
        return onPaused(pause);
      }
    } catch (error) {
      if (!isTransientCall(error)) return onUnknown(error);
      log.warn('whether the relay is paused could not be read; retrying', { error: errorText(error) });
    }
    if (!isStopped) schedule();
  };
  const schedule = () => {
    cancel = clock.after(controlCacheMs, () => void look());
  };
  schedule();
  return () => {
    isStopped = true;
    cancel();
  };
}

function factsOf({ by, reason, since }: Pause) {
  return { by, reason, since: new Date(since).toISOString() };
}
