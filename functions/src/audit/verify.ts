import { type DocumentSnapshot, FieldPath, type Firestore, type Query } from 'firebase-admin/firestore';
import { recordCollections } from '../config/defineConfig.ts';
import { type Anchor, createChainCheck, endProblem } from './chain.ts';
import { type AuditHead, auditEntryId } from './entry.ts';
import { readAuditHead } from './head.ts';

export type AuditVerdict =
  | { readonly ok: true; readonly head: AuditHead }
  /** `sequence`: the last entry up to which all is well. */
  | { readonly ok: false; readonly sequence: number; readonly problem: string };

export interface AuditReading {
  readonly firestore: Firestore;
  /** Entries in one page. */
  readonly pageSize?: number;
  /** Called after each page, with the last sequence that is in order. */
  readonly onPage?: (sequence: number) => void;
}

const defaultPageSize = 300;

/** Follows the whole chain, and compares its end with the head and with an anchor. One read per entry.
 *  @throws AuditHeadError, and what Firestore answered. */
export async function verifyAudit(reading: AuditReading, anchor?: Anchor): Promise<AuditVerdict> {
  const check = createChainCheck();
  const bad = (problem: string): AuditVerdict => ({ ok: false, sequence: check.head().sequence, problem });
  let head = await readAuditHead(reading.firestore);
  for (;;) {
    // What the head counts is there when it is read, so it is met here; what is appended meanwhile may be.
    for await (const page of auditPages(reading, check.head().sequence)) {
      for (const snapshot of page) {
        const followed = check.follow(snapshot.id, snapshot.data());
        if ('problem' in followed) return bad(followed.problem);
        const { sequence, hash } = followed.entry;
        if (anchor?.sequence === sequence && anchor.hash !== hash) {
          return bad(`entry ${sequence} has another hash than the anchor: the chain was written anew`);
        }
      }
      reading.onPage?.(check.head().sequence);
    }
    const last = check.head();
    const before = head;
    if (last.sequence > before.sequence) head = await readAuditHead(reading.firestore);
    // The head has moved on behind what was followed: so must this.
    if (head.sequence > before.sequence && head.sequence > last.sequence) continue;
    const problem = endProblem(last, head, anchor);
    return problem === undefined ? { ok: true, head } : bad(problem);
  }
}

/** The documents of the audit behind a sequence, in order, page by page; also such that are no entries. */
export function auditPages(reading: AuditReading, after = 0): AsyncGenerator<readonly DocumentSnapshot[], void> {
  const query = reading.firestore.collection(recordCollections.audit).orderBy(FieldPath.documentId());
  return pagesOf(reading, query, after === 0 ? query : query.startAfter(auditEntryId(after)));
}

/** The entries since a time, ms since 1970, in the order of their times. */
export function auditSince(reading: AuditReading, since: number): AsyncGenerator<readonly DocumentSnapshot[], void> {
  const query = reading.firestore.collection(recordCollections.audit).where('at', '>=', since).orderBy('at');
  return pagesOf(reading, query, query);
}

async function* pagesOf(
  { pageSize = defaultPageSize }: AuditReading,
  query: Query,
  first: Query,
): AsyncGenerator<readonly DocumentSnapshot[], void> {
  let next = first;
  for (;;) {
    const { docs } = await next.limit(pageSize).get();
    if (docs.length > 0) yield docs;
    const last = docs.at(-1);
    if (last === undefined || docs.length < pageSize) return;
    next = query.startAfter(last);
  }
}
