import { createHash } from 'node:crypto';
import type { DocumentReference, Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../config/defineConfig.ts';
import { canonicalJson, type Json } from './canonicalJson.ts';

/** Who acts, as the token or the terminal's account says; never what the input says. */
export interface Actor {
  /** An e-mail address, or the name of what runs on a schedule. */
  readonly name: string;
  readonly role: 'viewer' | 'operator';
  readonly via: 'api' | 'terminal' | 'schedule';
}

/** What was done to what. */
export interface AuditFacts {
  /** Such as `project 66f0…`, `relay`, `collection storyboards`. */
  readonly target: string;
  readonly before: Json;
  readonly after: Json;
  /** In words. */
  readonly result: string;
}

/** One action of a person or of a schedule: `syncAudit/{sequence}`. */
export interface AuditEntry extends AuditFacts {
  /** Counts from 1, without gaps. */
  readonly sequence: number;
  /** In ms since 1970. */
  readonly at: number;
  readonly actor: string;
  readonly role: string;
  readonly via: Actor['via'];
  readonly action: string;
  readonly reason: string;
  /** Hash of the entry before; `noHash` in the first. */
  readonly previous: string;
  /** SHA-256 of the canonical JSON of all of the above, in hex. */
  readonly hash: string;
}

/** The end of the chain. */
export interface AuditHead {
  /** 0 before the first entry. */
  readonly sequence: number;
  readonly hash: string;
}

/** Stands before the first entry. */
export const noHash = '0'.repeat(64);

export const emptyHead: AuditHead = { sequence: 0, hash: noHash };

/** Digits of a document id, so that ids sort as their numbers. */
const idDigits = 12;

export function auditEntryId(sequence: number): string {
  return String(sequence).padStart(idDigits, '0');
}

export function auditEntryRef(firestore: Firestore, sequence: number): DocumentReference {
  return firestore.collection(recordCollections.audit).doc(auditEntryId(sequence));
}

/** The entry that follows a head. */
export function entryAfter(head: AuditHead, entry: Omit<AuditEntry, 'sequence' | 'previous' | 'hash'>): AuditEntry {
  const chained = { ...entry, sequence: head.sequence + 1, previous: head.hash };
  return { ...chained, hash: hashOf(chained) };
}

/** The hash that an entry must have. */
export function hashOf(entry: Omit<AuditEntry, 'hash'>): string {
  const { sequence, at, actor, role, via, action, target, reason, before, after, result, previous } = entry;
  const hashed = { sequence, at, actor, role, via, action, target, reason, before, after, result, previous };
  return createHash('sha256').update(canonicalJson(hashed)).digest('hex');
}

const jsonText = z.string().transform((text, context): Json => {
  try {
    return z.json().parse(JSON.parse(text));
  } catch (error) {
    context.addIssue({
      code: 'custom',
      message: `not JSON: ${error instanceof Error ? error.message : String(error)}`,
    });
    return z.NEVER;
  }
});

// Strict: a field that no hash covers would be a place to add something unseen.
const entrySchema = z.strictObject({
  sequence: z.number().int().positive(),
  at: z.number(),
  actor: z.string(),
  role: z.string(),
  via: z.enum(['api', 'terminal', 'schedule']),
  action: z.string(),
  target: z.string(),
  reason: z.string(),
  before: jsonText,
  after: jsonText,
  result: z.string(),
  previous: z.string(),
  hash: z.string(),
});

/** The document that holds an entry. What JSON holds is kept as text: Firestore takes no list within a list, and not
 *  every name. */
export function auditEntryData(entry: AuditEntry): Record<string, unknown> {
  return { ...entry, before: canonicalJson(entry.before), after: canonicalJson(entry.after) };
}

export type ParsedEntry =
  | { readonly ok: true; readonly entry: AuditEntry }
  | { readonly ok: false; readonly problem: string };

/** Reads an entry. Never throws: a verification says what is wrong and where. */
export function parseAuditEntry(data: unknown): ParsedEntry {
  const parsed = entrySchema.safeParse(data);
  if (parsed.success) return { ok: true, entry: parsed.data };
  const [issue] = parsed.error.issues;
  return { ok: false, problem: issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'no entry' };
}
