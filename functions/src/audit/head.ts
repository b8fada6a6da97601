import type { DocumentReference, Firestore, Transaction } from 'firebase-admin/firestore';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { recordCollections } from '../config/defineConfig.ts';
import {
  type Actor,
  type AuditEntry,
  type AuditFacts,
  type AuditHead,
  auditEntryData,
  auditEntryRef,
  emptyHead,
  entryAfter,
} from './entry.ts';

const headSchema = z.object({ sequence: z.number().int().min(0), hash: z.string() });

/** The chain of the audit cannot be continued: its head is damaged. */
export class AuditHeadError extends Error {
  constructor(path: string, problem: string) {
    super(
      `${path} is not the head of the audit (${problem}). Nothing is decided without a trace: repair it after the last ` +
        'entry of syncAudit (sequence and hash), then run: npm --prefix functions run audit -- verify',
    );
    this.name = 'AuditHeadError';
  }
}

export function auditHeadRef(firestore: Firestore): DocumentReference {
  return firestore.collection(recordCollections.control).doc('auditHead');
}

/** Reads the head.
 *  @throws AuditHeadError */
export function parseAuditHead(path: string, data: unknown): AuditHead {
  if (data === undefined) return emptyHead;
  const parsed = headSchema.safeParse(data);
  if (!parsed.success) throw new AuditHeadError(path, parsed.error.issues.map(({ message }) => message).join('; '));
  return parsed.data;
}

/** Appends one entry in the transaction that it was opened in; returns it. To be called at most once. */
export type AppendEntry = (facts: AuditFacts) => AuditEntry;

/** Opens the chain in a transaction, before its first write: reads the head, which locks it, so that two actions never
 *  append behind the same entry. Costs one read, and two writes when an entry is appended.
 *  @throws AuditHeadError, and what Firestore answered. */
export async function openAudit(
  transaction: Transaction,
  { firestore, clock }: { readonly firestore: Firestore; readonly clock: Clock },
  by: { readonly actor: Actor; readonly action: string; readonly reason: string },
): Promise<AppendEntry> {
  const ref = auditHeadRef(firestore);
  const head = parseAuditHead(ref.path, (await transaction.get(ref)).data());
  return (facts) => {
    const { actor, action, reason } = by;
    const entry = entryAfter(head, {
      ...facts,
      at: clock.now(),
      actor: actor.name,
      role: actor.role,
      via: actor.via,
      action,
      reason,
    });
    // `create`: an entry that is there already is never overwritten.
    transaction.create(auditEntryRef(firestore, entry.sequence), auditEntryData(entry));
    transaction.set(ref, { sequence: entry.sequence, hash: entry.hash });
    return entry;
  };
}
