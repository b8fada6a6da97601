import type { Named } from './auth/users.ts';
import type { Document } from './bson/values.ts';
import { type CommandError, cursorNotFound } from './errors.ts';

/** What one `find`, `aggregate` or `getMore` hands out. */
export interface Batch {
  readonly documents: readonly Uint8Array[];
  /** Whether the cursor has ended: its id is then 0. */
  readonly done: boolean;
  /** Further fields of the reply's `cursor`, such as `postBatchResumeToken`. */
  readonly fields?: Document;
}

export interface BatchRequest {
  /** `undefined`: as many as fit. */
  readonly size: number | undefined;
  /** How long a cursor that waits for more may wait, in ms of the server's clock. */
  readonly maxTimeMs: number | undefined;
  /** Aborted when the connection closes. */
  readonly signal: AbortSignal;
}

/** What a cursor reads from. */
export interface BatchSource {
  next(request: BatchRequest): Batch | Promise<Batch>;
  /** Ends the source; a `next` that waits is rejected with the reason, by default 237 (CursorKilled). */
  close(reason?: CommandError): void;
}

export interface ServerCursor {
  readonly id: bigint;
  readonly namespace: string;
  readonly sessionKey: string | undefined;
  /** The user who opened it. */
  readonly user: Named | undefined;
  readonly source: BatchSource;
  /** Whether errors of its `getMore` carry the labels of a change stream. */
  readonly changeStream: boolean;
  lastUsed: number;
}

export interface Cursors {
  open(cursor: Omit<ServerCursor, 'id' | 'lastUsed'>): ServerCursor;
  /** Throws 43 (CursorNotFound). */
  get(id: bigint): ServerCursor;
  find(id: bigint): ServerCursor | undefined;
  /** Ends a cursor; whether there was one. */
  kill(id: bigint): boolean;
  killAll(which?: (cursor: ServerCursor) => boolean, reason?: CommandError): void;
  readonly size: number;
}

/** Cursors that nobody asks for so long are closed, in ms: the default of a real server. */
const idleTimeoutMs = 10 * 60 * 1000;

export function createCursors(now: () => number): Cursors {
  const cursors = new Map<bigint, ServerCursor>();
  // The high half is the time of the start, so that a cursor of an earlier server is not taken for one of this.
  let lastId = BigInt(Math.floor(now() / 1000)) << 24n;
  const kill = (id: bigint, reason?: CommandError) => {
    const cursor = cursors.get(id);
    cursors.delete(id);
    cursor?.source.close(reason);
    return cursor !== undefined;
  };
  const killAll = (which: (cursor: ServerCursor) => boolean = () => true, reason?: CommandError) => {
    for (const cursor of [...cursors.values()]) if (which(cursor)) kill(cursor.id, reason);
  };
  return {
    open(parts) {
      killAll(({ lastUsed, changeStream }) => !changeStream && lastUsed < now() - idleTimeoutMs);
      lastId += 1n;
      const cursor: ServerCursor = { ...parts, id: lastId, lastUsed: now() };
      cursors.set(cursor.id, cursor);
      return cursor;
    },
    get(id) {
      const cursor = cursors.get(id);
      if (!cursor) throw cursorNotFound(id);
      cursor.lastUsed = now();
      return cursor;
    },
    find: (id) => cursors.get(id),
    kill: (id) => kill(id),
    killAll,
    get size() {
      return cursors.size;
    },
  };
}

/** The most bytes of documents in one reply: one document more than this may be 16 MiB itself. */
const largestBatchBytes = 16 * 1024 * 1024;

/** A source over documents that are there already, or are made on the way. */
export function documentsSource(documents: Iterator<Uint8Array>): BatchSource {
  let ahead = documents.next();
  return {
    next({ size = Number.POSITIVE_INFINITY }) {
      const batch: Uint8Array[] = [];
      let bytes = 0;
      while (
        !ahead.done &&
        batch.length < size &&
        (batch.length === 0 || bytes + ahead.value.length <= largestBatchBytes)
      ) {
        batch.push(ahead.value);
        bytes += ahead.value.length;
        ahead = documents.next();
      }
      return { documents: batch, done: ahead.done === true };
    },
    close: () => {
      documents.return?.();
      ahead = { done: true, value: undefined };
    },
  };
}
