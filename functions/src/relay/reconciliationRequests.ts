import type { EncodedMessage } from '../events/codec.ts';
import { encodeReconciliationRequest } from '../events/reconciliationRequest.ts';
import { isRefusedMessage } from '../grpc.ts';
import { errorText } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import type { Checkpointer } from './checkpointer.ts';
import { type RelayContext, trying } from './context.ts';
import type { Ending } from './ending.ts';
import type { ReconciliationPending, ReconciliationReason } from './relayRecord.ts';

/** Asks for reconciliations. That one is needed is part of the relay's record until the request is published, so a
 *  crash at any point asks again rather than never. */
export interface ReconciliationRequests {
  /** Publishes the request that the record says is needed, if it says so. Returns at once. */
  askIfPending(): void;
  /** Marks that one is needed, and asks for it. Returns at once. */
  ask(reason: ReconciliationReason): void;
  /** Resolves when nothing is being asked for. */
  settled(): Promise<void>;
}

/** Creates the asker of one run. Trying ends with `giveUp`; what was not asked for by then, the next run asks for. */
export function createReconciliationRequests(
  publisher: Publisher,
  checkpointer: Checkpointer,
  ending: Ending,
  context: RelayContext,
  giveUp: AbortSignal,
): ReconciliationRequests {
  const asking = new Map<ReconciliationPending, Promise<void>>();

  const publish = async (pending: ReconciliationPending): Promise<void> => {
    const tried = await trying(
      {
        what: 'the request for a reconciliation could not be published',
        run: () => publisher.publish(requestMessage(pending)),
        isTransient: (error) => !isRefusedMessage(error),
        mayTry: checkpointer.holdsLease,
      },
      context,
      giveUp,
    );
    if (tried.kind === 'refused') {
      ending.end({ kind: 'failed', error: tried.error });
      return;
    }
    if (tried.kind === 'given-up' || checkpointer.pending() !== pending) return;
    context.log.info('a reconciliation was requested', { reason: pending.reason });
    checkpointer.setPending(null);
    try {
      await checkpointer.write();
    } catch (error) {
      // The next write of the checkpoint says the same; if none comes through, the next run asks once more, which does
      // no harm.
      context.log.warn('the record could not be told yet that the reconciliation was requested', {
        error: errorText(error),
      });
    }
  };

  const askIfPending = () => {
    const pending = checkpointer.pending();
    if (pending === null || asking.has(pending)) return;
    asking.set(
      pending,
      publish(pending).finally(() => asking.delete(pending)),
    );
  };

  return {
    askIfPending,
    ask(reason) {
      checkpointer.setPending({ reason, at: context.clock.now() });
      askIfPending();
    },
    async settled() {
      await Promise.all(asking.values());
    },
  };
}

function requestMessage({ reason, at }: ReconciliationPending): EncodedMessage {
  const source = 'relay';
  return encodeReconciliationRequest({ reason, requestedAt: new Date(at).toISOString(), source }, { reason, source });
}
