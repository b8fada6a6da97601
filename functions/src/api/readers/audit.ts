import type { Query, Transaction } from 'firebase-admin/firestore';
import { createChainCheck, endProblem } from '../../audit/chain.ts';
import { type AuditEntry, type AuditHead, auditEntryRef, hashOf, parseAuditEntry } from '../../audit/entry.ts';
import { auditHeadRef, parseAuditHead } from '../../audit/head.ts';
import { auditPages, auditSince } from '../../audit/verify.ts';
import { recordCollections } from '../../config/defineConfig.ts';
import { nextOf, pageSize } from './paging.ts';
import type { ReaderDependencies, Views } from './views.ts';

/** Entries at the end of the chain that are followed with the first answer of an instance; later answers follow what
 *  was appended. All of it is followed by `npm run audit -- verify`. */
const tailLength = 20;

export function createAuditReader({ firestore }: ReaderDependencies): Pick<Views, 'audit' | 'auditLines'> {
  const entries = firestore.collection(recordCollections.audit);
  let followed: AuditHead | undefined;

  /** Follows the end of the chain from where it was followed before. Head and entries are of one moment: what is
   *  appended in between would look like a break.
   *  @throws AuditHeadError */
  function followTail(): Promise<{ readonly head: AuditHead; readonly problem: string | undefined }> {
    const before = followed;
    return firestore.runTransaction((transaction) => follow(transaction, before), { readOnly: true });
  }

  async function follow(transaction: Transaction, before: AuditHead | undefined) {
    const headRef = auditHeadRef(firestore);
    const head = parseAuditHead(headRef.path, (await transaction.get(headRef)).data());
    const from = before ?? (await headBefore(transaction, Math.max(0, head.sequence - tailLength)));
    if (from === undefined) return { head, problem: `entry ${head.sequence - tailLength} is missing` };
    const check = createChainCheck(from);
    const fresh = from.sequence === head.sequence ? [] : (await behind(transaction, from.sequence)).docs;
    for (const snapshot of fresh) {
      const step = check.follow(snapshot.id, snapshot.data());
      if ('problem' in step) return { head, problem: step.problem };
    }
    const isWhole = fresh.length < maxFollowed;
    const problem = isWhole ? endProblem(check.head(), head, undefined) : undefined;
    if (problem === undefined) followed = check.head();
    return { head: check.head(), problem };
  }

  function behind(transaction: Transaction, sequence: number) {
    return transaction.get(entries.orderBy('sequence').startAfter(sequence).limit(maxFollowed));
  }

  async function headBefore(transaction: Transaction, sequence: number): Promise<AuditHead | undefined> {
    if (sequence === 0) return createChainCheck().head();
    const parsed = parseAuditEntry((await transaction.get(auditEntryRef(firestore, sequence))).data());
    return parsed.ok ? { sequence, hash: parsed.entry.hash } : undefined;
  }

  return {
    async audit({ actor, action, target, cursor }) {
      let query: Query = entries.orderBy('sequence', 'desc');
      for (const [field, value] of Object.entries({ actor, action, target })) {
        if (value !== undefined) query = query.where(field, '==', value);
      }
      if (cursor !== undefined) query = query.startAfter(cursor);
      const [{ docs }, tail] = await Promise.all([query.limit(pageSize(cursor)).get(), followTail()]);
      const items: AuditEntry[] = [];
      let { problem } = tail;
      for (const snapshot of docs) {
        const parsed = parseAuditEntry(snapshot.data());
        if (!parsed.ok) problem ??= `entry ${Number(snapshot.id)} cannot be read (${parsed.problem})`;
        else {
          if (parsed.entry.hash !== hashOf(parsed.entry)) {
            problem ??= `entry ${parsed.entry.sequence} was changed: its hash does not fit`;
          }
          items.push(parsed.entry);
        }
      }
      return {
        items,
        next: nextOf(docs, cursor, ({ id }) => Number(id)),
        verifiedTo: problem === undefined ? tail.head.sequence : null,
        problem: problem ?? null,
      };
    },
    async *auditLines(since) {
      const reading = { firestore };
      for await (const page of since === undefined ? auditPages(reading) : auditSince(reading, since)) {
        for (const snapshot of page) {
          const parsed = parseAuditEntry(snapshot.data());
          yield JSON.stringify(parsed.ok ? parsed.entry : { id: snapshot.id, problem: parsed.problem });
        }
      }
    },
  };
}

/** Entries that one answer follows at most: many decisions at once are followed by the next answers. */
const maxFollowed = 100;
