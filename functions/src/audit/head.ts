import type { DocumentReference, Firestore, Transaction } from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../config/defineConfig.ts';
import { type AuditEntry, type AuditHead, auditEntryData, auditEntryRef, emptyHead, entryAfter } from './entry.ts';

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

/** Reads the head of the chain: one read.
 *  @throws AuditHeadError, and what Firestore answered. */
export async function readAuditHead(firestore: Firestore): Promise<AuditHead> {
  const ref = auditHeadRef(firestore);
  return parseAuditHead(ref.path, (await ref.get()).data());
}

/** Appends an entry behind a head that was read before, outside of the transaction: Firestore refuses the commit with
 *  ALREADY_EXISTS when another entry was appended since, and then nothing of the transaction is done. So nobody locks
 *  the head: a process that dies in the middle of a transaction would keep all others from deciding anything until
 *  Firestore gives up on its lock, up to a minute
 *  (https://firebase.google.com/docs/firestore/transaction-data-contention). */
export function appendEntry(
  transaction: Transaction,
  firestore: Firestore,
  head: AuditHead,
  given: Omit<AuditEntry, 'sequence' | 'previous' | 'hash'>,
): AuditEntry {
  const entry = entryAfter(head, given);
  transaction.create(auditEntryRef(firestore, entry.sequence), auditEntryData(entry));
  transaction.set(auditHeadRef(firestore), { sequence: entry.sequence, hash: entry.hash });
  return entry;
}
