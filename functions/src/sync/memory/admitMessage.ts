import type { ReceivedMessage } from '../../events/codec.ts';
import type { Budget, SyncDependencies } from '../dependencies.ts';
import { NoMemoryError } from '../errors.ts';
import type { Share } from './memory.ts';

/** Messages of fewer bytes wait for nothing: as many as an instance has at once come to a few MiB. So ordinary renames
 *  do not wait for large ones, nor do deletions, which bring no values. */
const smallBytes = 16 * 1024;

/** How often a message lies in memory until its event is done: as text, as values, in the record of its project, its
 *  history and its job, and in the bytes of these. */
const timesInMemory = 10;

/** Waits until the work on a message has room in memory, before anything of it is read or claimed. Undefined: it needs
 *  none.
 *  @throws NoMemoryError when its time is over before; the signal's reason. Neither counts as a failure of the event.
 */
export async function admitMessage(
  { memory, clock }: Pick<SyncDependencies, 'memory' | 'clock'>,
  { data, messageId }: ReceivedMessage,
  { deadline, signal }: Budget,
): Promise<Share | undefined> {
  if (data.length <= smallBytes) return undefined;
  const waiting = new AbortController();
  const stop = () => waiting.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const cancel = clock.after(Math.max(0, deadline - clock.now()), () => waiting.abort(new NoMemoryError(messageId)));
  try {
    return await memory.events.enter(timesInMemory * data.length, waiting.signal);
  } finally {
    cancel();
    signal.removeEventListener('abort', stop);
  }
}
