import type { Actor } from '../audit/entry.ts';
import { openAudit } from '../audit/head.ts';
import type { Transact } from '../audit/trace.ts';
import { type OutboxDependencies, publishStored, type StoredMessage, storeMessage } from './outbox.ts';

/** The transactions of one action: each writes its effect, its audit entry and its messages, or nothing at all. */
export function createTransact(
  dependencies: OutboxDependencies,
  by: { readonly actor: Actor; readonly action: string; readonly reason: string },
): Transact {
  const { firestore } = dependencies;
  return async (work) => {
    const { stored, ...committed } = await firestore.runTransaction(async (transaction) => {
      const append = await openAudit(transaction, dependencies, by);
      let sequence: number | null = null;
      const stored: StoredMessage[] = [];
      const value = await work(transaction, {
        record(facts) {
          sequence = append(facts).sequence;
        },
        publish(topic, id, message) {
          const kept = { id, topic, message };
          storeMessage(dependencies, transaction, kept);
          stored.push(kept);
        },
      });
      return { value, sequence, stored };
    });
    return { ...committed, unpublished: await publishAll(dependencies, stored) };
  };
}

/** The first error, if any; what it is about stays in the outbox. */
async function publishAll(dependencies: OutboxDependencies, stored: readonly StoredMessage[]): Promise<unknown> {
  let problem: unknown;
  for (const message of stored) {
    try {
      await publishStored(dependencies, message);
    } catch (error) {
      problem ??= error;
    }
  }
  return problem;
}
