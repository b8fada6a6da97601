import type { DocumentReference } from 'firebase-admin/firestore';
import { isTransientCall } from '../grpc.ts';
import { errorText } from '../log.ts';
import { aborted, backoffMs, slept, untilAborted } from '../waiting.ts';
import type { RelayContext } from './context.ts';
import { type Taking, takeLease } from './lease.ts';

/** The outcome of standing by. */
export type Standby = Extract<Taking, { kind: 'taken' }> | { readonly kind: 'ended'; readonly heldBy: string | null };

/** Waits until the lease is free, and takes it; at the latest until the signal. Looks at it by reading, not by listening: a listener would cost
 *  about the same (the holder writes the record once a second when busy), and may fall silent without anybody noticing.
 *  @throws RelayRecordError; what Firestore answers, if it refuses, or if it did not serve the last try before the end. */
export async function waitForLease(
  ref: DocumentReference,
  holder: string,
  context: RelayContext,
  signal: AbortSignal,
): Promise<Standby> {
  const { clock, limits, log, random } = context;
  let heldBy: string | null = null;
  let failure: { readonly error: unknown } | undefined;
  let failures = 0;
  while (!signal.aborted) {
    try {
      // An answer that comes after the end is not waited for: a lease taken that way runs out by itself.
      const taking = await untilAborted(takeLease(ref, holder, clock.now(), limits.leaseMs), signal);
      if (taking === aborted) break;
      if (taking.kind === 'taken') return taking;
      if (heldBy === null) log.info('Another relay holds the lease; standing by.', { holder: taking.lease.holder });
      heldBy = taking.lease.holder;
      failure = undefined;
      failures = 0;
    } catch (error) {
      if (!isTransientCall(error)) throw error;
      failure = { error };
      failures += 1;
      log.warn('The lease could not be read or taken; the next try follows.', {
        record: ref.path,
        error: errorText(error),
      });
    }
    const pause = failures === 0 ? limits.standbyPollMs : backoffMs(failures, limits.backoff, random);
    if (!(await slept(clock, pause, signal))) break;
  }
  if (failure) throw failure.error;
  return { kind: 'ended', heldBy };
}
