import { type AuditEntry, type AuditHead, auditEntryId, emptyHead, hashOf, parseAuditEntry } from './entry.ts';

/** Follows a chain, entry by entry. Pure. */
export interface ChainCheck {
  /** The next document of `syncAudit`, in the order of ids; returns what is wrong with it. */
  follow(id: string, data: unknown): { readonly entry: AuditEntry } | { readonly problem: string };
  /** The last entry that was followed. */
  head(): AuditHead;
}

/** Begins behind `from`: the beginning, or the entry before a page. */
export function createChainCheck(from: AuditHead = emptyHead): ChainCheck {
  let head = from;
  return {
    head: () => head,
    follow(id, data) {
      const expected = head.sequence + 1;
      if (id !== auditEntryId(expected)) {
        return { problem: `expected entry ${expected}, found ${id}: an entry was removed or inserted` };
      }
      const parsed = parseAuditEntry(data);
      if (!parsed.ok) return { problem: `entry ${expected} cannot be read (${parsed.problem})` };
      const { entry } = parsed;
      if (entry.sequence !== expected) return { problem: `entry ${expected} says that it is ${entry.sequence}` };
      if (entry.previous !== head.hash) return { problem: `entry ${expected} does not follow entry ${head.sequence}` };
      if (entry.hash !== hashOf(entry)) return { problem: `entry ${expected} was changed: its hash does not fit` };
      head = { sequence: entry.sequence, hash: entry.hash };
      return { entry };
    },
  };
}

/** An entry as it was noted elsewhere, such as in a locked log bucket. */
export type Anchor = AuditHead;

/** What is wrong with the end of a chain, by its own head and by an anchor; undefined when nothing is. */
export function endProblem(last: AuditHead, head: AuditHead, anchor: Anchor | undefined): string | undefined {
  if (last.sequence !== head.sequence) return `the head says ${head.sequence} entries, there are ${last.sequence}`;
  if (last.hash !== head.hash) return `the head has another hash than entry ${last.sequence}`;
  if (anchor !== undefined && last.sequence < anchor.sequence) {
    return `the anchor says ${anchor.sequence} entries, there are ${last.sequence}: the end was cut off`;
  }
  return undefined;
}
