import { randomUUID } from 'node:crypto';
import { Firestore } from 'firebase-admin/firestore';
import type { FirestoreServer } from '../../local/servers/firestore/server.ts';
import type { Clock } from '../../src/clock.ts';
import type { RelayContext } from '../../src/relay/context.ts';
import { defaultRelayLimits, type RelayLimits } from '../../src/relay/limits.ts';
import { type RecordedLog, recordedLog } from '../support/log.ts';

/** An error as a Google client raises it. */
export function serviceError(code: number, message = 'as told by the test'): Error {
  return Object.assign(new Error(message), { code });
}

/** gRPC's UNAVAILABLE, which passes, and PERMISSION_DENIED, which does not. */
export const unavailable = 14;
export const permissionDenied = 7;

/** The limits of production, with short pauses. */
export const quickLimits: RelayLimits = {
  ...defaultRelayLimits,
  standbyPollMs: 10,
  checkpointEveryMs: 15,
  renewEveryMs: 100,
  maxAwaitMs: 50,
  backoff: { firstPauseMs: 5, longestPauseMs: 40 },
};

export function retryContext(
  clock: Clock,
  limits: Partial<RelayLimits> = {},
): RelayContext & { readonly log: RecordedLog } {
  return { clock, random: () => 0.5, limits: { ...quickLimits, ...limits }, log: recordedLog() };
}

// The client library looks for a Google machine around it, which takes time and prints warnings where there is none.
process.env.METADATA_SERVER_DETECTION ??= 'none';

/** A client of a local Firestore. */
export function connectFirestore(server: FirestoreServer, projectId = `demo-${randomUUID()}`): Firestore {
  return new Firestore({ projectId, host: server.host, ssl: false });
}
