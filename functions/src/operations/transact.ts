import type { Firestore } from 'firebase-admin/firestore';
import { type Actor, type AuditHead, auditEntryRef } from '../audit/entry.ts';
import { AuditHeadError, appendEntry, auditHeadRef, readAuditHead } from '../audit/head.ts';
import type { Trace, Transact } from '../audit/trace.ts';
import { grpcStatus, statusOf } from '../grpc.ts';
import { errorText } from '../log.ts';
import { type OutboxDependencies, publishStored, type StoredMessage, storeMessage } from './outbox.ts';

/** The transactions of one action: each writes its effect, its audit entry and its messages, or nothing at all. */
export function createTransact(
  dependencies: OutboxDependencies,
  by: { readonly actor: Actor; readonly action: string; readonly reason: string },
): Transact {
  const { firestore } = dependencies;
  return async (work) => {
    const attempt = (head: AuditHead) =>
      firestore.runTransaction(async (transaction) => {
        let sequence: number | null = null;
        const stored: StoredMessage[] = [];
        const trace: Trace = {
          record(facts) {
            const { actor, action, reason } = by;
            const { name, role, via } = actor;
            const at = dependencies.clock.now();
            sequence = appendEntry(transaction, firestore, head, {
              ...facts,
              at,
              actor: name,
              role,
              via,
              action,
              reason,
            }).sequence;
          },
          publish(topic, id, message) {
            const kept = { id, topic, message };
            storeMessage(dependencies, transaction, kept);
            stored.push(kept);
          },
        };
        return { value: await work(transaction, trace), sequence, stored };
      });
    let head = await readAuditHead(firestore);
    for (;;) {
      try {
        const { stored, ...committed } = await attempt(head);
        return { ...committed, unpublished: await publishAll(dependencies, stored) };
      } catch (error) {
        if (statusOf(error) !== grpcStatus.alreadyExists) throw error;
        const moved = await readAuditHead(firestore);
        // Each further try follows an entry of somebody else, so somebody always gets on.
        if (moved.sequence === head.sequence) throw behindHead(firestore, head, error);
        head = moved;
      }
    }
  };
}

/** The entry that would follow is there already, and the head does not say so: it was set back, or is gone. Or what the
 *  action itself creates is there. */
function behindHead(firestore: Firestore, { sequence }: AuditHead, cause: unknown): unknown {
  const isEntry = errorText(cause).includes(auditEntryRef(firestore, sequence + 1).path);
  return isEntry ? new AuditHeadError(auditHeadRef(firestore).path, 'entries follow behind it') : cause;
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
