import { isDeepStrictEqual } from 'node:util';
import type { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { roleSchema } from '../api/views/common.ts';
import { parseAuditEntry } from '../audit/entry.ts';
import { recordCollections } from '../config/defineConfig.ts';
import {
  defineOperation,
  type Operation,
  type OperationContext,
  OperationRefusedError,
  type Outcome,
  type Preview,
  type Role,
} from './operation.ts';

/** Who has an e-mail address. */
export interface Account {
  readonly uid: string;
  readonly role: Role | null;
  /** Whether it has shown that the address is its own: anybody can sign up with another's. */
  readonly isVerified: boolean;
}

/** What people may do, as Firebase Authentication knows it. */
export interface Claims {
  /** Undefined when nobody has this e-mail address. */
  find(email: string): Promise<Account | undefined>;
  /** Sets the claim, or removes it (null), and ends the sessions that were begun with another one. */
  set(uid: string, role: Role | null): Promise<void>;
}

const input = z.strictObject({ email: z.email(), role: roleSchema });
type Input = z.output<typeof input>;

/** Granting and revoking roles: at the terminal only, by whoever administers the Firebase project. */
export function roleOperations(claims: Claims): { readonly grant: Operation; readonly revoke: Operation } {
  return {
    grant: defineOperation({
      name: 'grant-role',
      role: 'operator',
      changes: true,
      summary: 'Lets somebody see (viewer) or also decide (operator).',
      input,
      preview: (_context, given) => preview(claims, given, given.role),
      act: (context, given) => change(context, claims, given, given.role),
    }),
    revoke: defineOperation({
      name: 'revoke-role',
      role: 'operator',
      changes: true,
      summary: 'Takes a role away; sessions that have it are ended.',
      input,
      preview: (_context, given) => preview(claims, given, null),
      act: (context, given) => change(context, claims, given, null),
    }),
  };
}

async function preview(claims: Claims, given: Input, wanted: Role | null): Promise<Preview> {
  const { role } = await currentOf(claims, given, wanted);
  return {
    count: isDue(role, given, wanted) ? 1 : 0,
    what: 'account',
    details: [{ name: 'role now', value: role ?? 'none' }],
  };
}

/** Revoking takes away the role that is named, and no other one. */
function isDue(role: Role | null, given: Input, wanted: Role | null): boolean {
  return wanted === null ? role === given.role : role !== wanted;
}

async function currentOf(claims: Claims, { email }: Input, wanted: Role | null): Promise<Account> {
  const found = await claims.find(email);
  if (found === undefined) {
    throw new OperationRefusedError(`nobody has signed in as ${email} yet; create the account first`, 'input.email');
  }
  if (wanted !== null && !found.isVerified) {
    const problem = `the account of ${email} has not verified that address: whoever signed up with it may be somebody else`;
    throw new OperationRefusedError(
      `${problem}; have it verified (or let them sign in with Google) first`,
      'input.email',
    );
  }
  return found;
}

/** The result of an entry whose effect is still to come. */
const intent = 'asked for';

/** The last entry about an account, if it is the intent that led to the role which is there: whoever set it died before
 *  it said so, or before it ended the sessions. One read. */
async function unfinishedIntent(firestore: Firestore, target: string, wanted: Role | null) {
  const entries = firestore.collection(recordCollections.audit).where('target', '==', target);
  const { docs } = await entries.orderBy('sequence', 'desc').limit(1).get();
  const parsed = parseAuditEntry(docs[0]?.data());
  const isIt = parsed.ok && parsed.entry.result === intent && isDeepStrictEqual(parsed.entry.after, { role: wanted });
  return isIt ? parsed.entry : undefined;
}

/** Authentication takes part in no transaction: the intent is written before, and that it was carried out after. A
 *  crash in between leaves the intent alone in the audit, and the same call finishes it. */
async function change(
  { firestore, transact }: OperationContext,
  claims: Claims,
  given: Input,
  wanted: Role | null,
): Promise<Outcome> {
  const { uid, role } = await currentOf(claims, given, wanted);
  const done = wanted === null ? 'revoked' : 'granted';
  const target = `account ${given.email}`;
  const unfinished = isDue(role, given, wanted) ? undefined : await unfinishedIntent(firestore, target, wanted);
  if (!isDue(role, given, wanted) && unfinished === undefined) {
    return {
      result: `${given.email}: nothing to do, the role is ${role ?? 'none'}`,
      count: 0,
      sequence: null,
      jobId: null,
    };
  }
  const facts = { target, before: unfinished?.before ?? { role }, after: { role: wanted } };
  if (unfinished === undefined) {
    await transact(async (_transaction, trace) => trace.record({ ...facts, result: intent }));
  }
  await claims.set(uid, wanted);
  const { sequence } = await transact(async (_transaction, trace) => trace.record({ ...facts, result: done }));
  return { result: `${given.email}: ${given.role} ${done}`, count: 1, sequence, jobId: null };
}
