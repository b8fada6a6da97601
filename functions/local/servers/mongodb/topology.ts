import { Int32, Long, ObjectId } from 'bson';
import type { Document } from './bson/values.ts';
import { sessionTimeoutMinutes } from './sessions/sessions.ts';

/** The wire version of MongoDB 8.0. */
const maxWireVersion = 25;

export const serverVersion = '8.0.0';

export const maxDocumentBytes = 16 * 1024 * 1024;
export const maxMessageBytes = 48_000_000;
const maxWriteBatch = 100_000;

/** What the server says of itself in `hello`, and how it tells that it has changed. */
export interface Topology {
  readonly replicaSet: string | undefined;
  /** `host:port`. */
  address(): string;
  readonly writable: boolean;
  setWritable(writable: boolean): void;
  /** The number of changes so far; clients wait for the next with `topologyVersion`. */
  readonly version: number;
  onChange(notify: () => void): () => void;
  /** The fields of a `hello` reply. `legacy` gives the old names. */
  hello(details: { connectionId: number; now: number; legacy: boolean; lastWrite: Document }): Document;
}

export function createTopology({
  replicaSet,
  address,
}: {
  replicaSet: string | null;
  address: () => string;
}): Topology {
  const processId = new ObjectId();
  const electionId = new ObjectId('7fffffff0000000000000001');
  const listeners = new Set<() => void>();
  let writable = true;
  let version = 0;
  return {
    replicaSet: replicaSet ?? undefined,
    address,
    get writable() {
      return writable;
    },
    get version() {
      return version;
    },
    setWritable(next) {
      if (next === writable) return;
      writable = next;
      version += 1;
      for (const notify of [...listeners]) notify();
    },
    onChange(notify) {
      listeners.add(notify);
      return () => listeners.delete(notify);
    },
    hello: ({ connectionId, now, legacy, lastWrite }) => ({
      helloOk: true,
      topologyVersion: { processId, counter: Long.fromNumber(version) },
      ...(replicaSet === null
        ? {}
        : {
            hosts: [address()],
            setName: replicaSet,
            setVersion: new Int32(1),
            secondary: !writable,
            me: address(),
            ...(writable ? { primary: address(), electionId } : {}),
            lastWrite,
          }),
      ...(legacy ? { ismaster: writable } : { isWritablePrimary: writable }),
      maxBsonObjectSize: new Int32(maxDocumentBytes),
      maxMessageSizeBytes: new Int32(maxMessageBytes),
      maxWriteBatchSize: new Int32(maxWriteBatch),
      localTime: new Date(now),
      logicalSessionTimeoutMinutes: new Int32(sessionTimeoutMinutes),
      connectionId: new Int32(connectionId),
      minWireVersion: new Int32(0),
      maxWireVersion: new Int32(maxWireVersion),
      readOnly: false,
    }),
  };
}
