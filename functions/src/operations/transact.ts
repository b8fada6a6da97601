import type { DocumentReference } from 'firebase-admin/firestore';
import type { Actor } from '../audit/entry.ts';
import { openAudit } from '../audit/head.ts';
import type { Transact } from '../audit/trace.ts';
import { type OutboxDependencies, outboxRef, publishStored, storeMessage } from './outbox.ts';

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
      const stored: DocumentReference[] = [];
      const value = await work(transaction, {
        record(facts) {
          sequence = append(facts).sequence;
        },
        publish(topic, id, message) {
          storeMessage(dependencies, transaction, topic, id, message);
          stored.push(outboxRef(firestore, id));
        },
      });
      return { value, sequence, stored };
    });
    return { ...committed, unpublished: await publishAll(dependencies, stored) };
  };
}

/** The first error, if any; what it is about stays in the outbox. */
async function publishAll(dependencies: OutboxDependencies, stored: readonly DocumentReference[]): Promise<unknown> {
  let problem: unknown;
  for (const ref of stored) {
    try {
      await publishStored(dependencies, ref);
    } catch (error) {
      problem ??= error;
    }
  }
  return problem;
}
