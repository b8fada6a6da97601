import { Binary, Long } from 'bson';
import { type Named, userDigest } from '../auth/users.ts';
import type { Document } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { Transaction } from './transaction.ts';

/** A logical session: what a driver's `lsid` names. */
export interface Session {
  readonly key: string;
  readonly lsid: Document;
  /** The digest of its user. */
  readonly uid: Binary;
  lastUsed: number;
  /** The highest transaction number seen; retryable writes use the same numbers. */
  txnNumber: bigint;
  transaction: Transaction | undefined;
  /** What each statement of the retryable write with this number answered. */
  readonly results: Map<number, unknown>;
}

export interface Sessions {
  /** The session of a user with this id, made when it is new. */
  open(lsid: Document, user: Named | undefined): Session;
  find(lsid: Document, user: Named | undefined): Session | undefined;
  end(key: string): void;
  /** Sessions that have not been used since `deadline`, in ms since the epoch. */
  idleSince(deadline: number): Session[];
  all(): Session[];
  readonly size: number;
}

/** Sessions that are not used for so long end; drivers are told in `hello`. */
export const sessionTimeoutMinutes = 30;

function keyOf(lsid: Document, uid: Binary): string {
  const id = lsid.id;
  if (!(id instanceof Binary)) {
    throw new CommandError(14, "The field 'lsid.id' must be a UUID");
  }
  return `${id.toString('hex')} ${uid.toString('hex')}`;
}

export function createSessions(now: () => number): Sessions {
  const sessions = new Map<string, Session>();
  return {
    open(lsid, user) {
      const uid = userDigest(user);
      const key = keyOf(lsid, uid);
      let session = sessions.get(key);
      if (!session) {
        session = { key, lsid, uid, lastUsed: now(), txnNumber: -1n, transaction: undefined, results: new Map() };
        sessions.set(key, session);
      }
      session.lastUsed = now();
      return session;
    },
    find: (lsid, user) => sessions.get(keyOf(lsid, userDigest(user))),
    end: (key) => {
      sessions.delete(key);
    },
    idleSince: (deadline) => [...sessions.values()].filter(({ lastUsed }) => lastUsed < deadline),
    all: () => [...sessions.values()],
    get size() {
      return sessions.size;
    },
  };
}

/** Reads a `txnNumber`. */
export function transactionNumber(value: unknown): bigint | undefined {
  if (value === undefined) return undefined;
  if (value instanceof Long) return value.toBigInt();
  throw new CommandError(14, "The field 'txnNumber' must be a 64-bit integer");
}
