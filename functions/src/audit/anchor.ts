import type { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { type Clock, hourMs } from '../clock.ts';
import { recordCollections } from '../config/defineConfig.ts';
import type { Log } from '../log.ts';
import type { Anchor } from './chain.ts';
import { auditHeadRef, parseAuditHead } from './head.ts';

const anchoredSchema = z.looseObject({ at: z.number(), sequence: z.number(), hash: z.string() });

/** The last anchor that was logged, as Firestore knows it. Whoever may write Firestore may change it: what an anchor
 *  proves, the one in the log does. */
export function auditAnchorRef(firestore: Firestore) {
  return firestore.collection(recordCollections.control).doc('auditAnchor');
}

/** Logs the head of the audit, once an hour, so that a locked log bucket keeps it out of reach of whoever can write
 *  Firestore. Costs one read, and once an hour another and a write.
 *  @throws AuditHeadError, and what Firestore answered. */
export async function anchorAudit({
  firestore,
  clock,
  log,
}: {
  readonly firestore: Firestore;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<void> {
  const ref = auditAnchorRef(firestore);
  const anchored = anchoredSchema.safeParse((await ref.get()).data());
  const now = clock.now();
  if (anchored.success && now - anchored.data.at < hourMs) return;
  const headRef = auditHeadRef(firestore);
  const { sequence, hash } = parseAuditHead(headRef.path, (await headRef.get()).data());
  // The line first: an anchor that is logged twice is one.
  log.info('the head of the audit', { signal: 'audit-anchor', sequence, hash });
  await ref.set({ at: now, sequence, hash });
}

/** The anchor in a document that keeps one; undefined when it keeps none. */
export function storedAnchor(data: unknown): Anchor | undefined {
  const stored = anchoredSchema.safeParse(data);
  return stored.success ? { sequence: stored.data.sequence, hash: stored.data.hash } : undefined;
}

/** Reads an anchor as it stands in the log: `SEQUENCE:HASH`; undefined when it is none. */
export function parseAnchor(text: string): Anchor | undefined {
  const match = /^(\d{1,12}):([0-9a-f]{64})$/.exec(text);
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { sequence: Number(match[1]), hash: match[2] };
}
