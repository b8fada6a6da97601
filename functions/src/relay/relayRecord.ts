import type { DocumentReference, Firestore } from 'firebase-admin/firestore';
import { BSON } from 'mongodb';
import { z } from 'zod';
import { type Config, recordCollections } from '../config/defineConfig.ts';
import type { ClusterTime } from '../events/version.ts';
import type { SourceIdentity } from '../source/identity.ts';
import type { Count } from './ordinals.ts';
import { relayRecordId } from './shards/recordId.ts';

/** Version of the layout of the record; a record of a newer layout is refused, never guessed at. Records of shards have
 *  one of their own: code that knows no shards would follow one as if it were all. */
export const relaySchemaVersion = { whole: 1, shard: 2 } as const;

/** The right to tail the stream and to move its checkpoint. */
export interface RelayLease {
  /** Who holds it; null after it was given back. */
  readonly holder: string | null;
  /** Grows by one with every taking, and never shrinks: who wrote a smaller number has lost the lease. */
  readonly fencing: number;
  /** From this time on (ms since 1970) another relay may take it. */
  readonly expiresAt: number;
}

/** A reconciliation that was decided on and may not have been asked for yet. */
export interface ReconciliationPending {
  readonly reason: ReconciliationReason;
  /** When it was decided on, in ms since 1970. */
  readonly at: number;
}

/** Why the relay wants everything compared: the stream alone cannot tell what happened. */
export type ReconciliationReason = (typeof reconciliationReasons)[number];

const reconciliationReasons = [
  'first-start',
  'history-lost',
  'transaction-too-large',
  'source-invalidated',
  'source-adopted',
  'change-unreadable',
] as const;

/** Where the stream is to be taken up: everything before is published. */
export interface Checkpoint {
  /** Resume token as the driver handed it out; null while none is known. */
  readonly token: unknown;
  /** Where to start while there is no token; null before the very first start. */
  readonly startAt: ClusterTime | null;
  /** The last delivered change, from which the next one is counted. */
  readonly last: Count | null;
  /** Which collection the place belongs to; null: whichever is there when the stream is opened next. */
  readonly source: SourceIdentity | null;
}

/** A place that a person wants the relay to go back to. The next run that takes the lease does it, or refuses. */
export interface Rewind {
  /** In ms since 1970, by MongoDB's clock: changes from this second on are read again. */
  readonly to: number;
  readonly by: string;
  /** When it was asked for, in ms since 1970. */
  readonly at: number;
}

/** How the relay of a shard is doing, for who looks after all shards. */
export interface ShardStatus {
  /** How far what it has published is behind MongoDB, in ms. */
  readonly lagMs: number | null;
  readonly inFlight: number;
}

/** `syncRelay/{database}.{collection}`: all that a relay knows when it starts. With shards each has one. */
export interface RelayRecord {
  readonly checkpoint: Checkpoint;
  /** When the checkpoint was written last, in ms since 1970. */
  readonly checkpointAt: number | null;
  readonly lease: RelayLease;
  readonly reconciliationPending: ReconciliationPending | null;
  /** Runs in a row that took the lease and did not move the place. */
  readonly runsWithoutProgress: number;
  /** Null while nobody has asked for one. */
  readonly rewind: Rewind | null;
  /** Among how many shards the projects are divided; 1: they are not. All records of one source say the same. */
  readonly shards: number;
  /** As it was when the checkpoint was written; null without shards. */
  readonly status: ShardStatus | null;
}

/** A relay record that cannot be understood: written by hand, damaged, or of a newer version of Lockstep. */
export class RelayRecordError extends Error {
  constructor(path: string, problem: string) {
    super(
      `the record ${path} cannot be read (${problem}). The relay does not start, for it would not know where. Repair the record, or remove it: ` +
        'then the relay starts from now and asks for a reconciliation.',
    );
    this.name = 'RelayRecordError';
  }
}

const uint32Schema = z.number().int().min(0).max(0xffff_ffff);
const clusterTimeSchema = z.object({ seconds: uint32Schema, increment: uint32Schema });
const wholeSchema = z.looseObject({
  schemaVersion: z.literal(relaySchemaVersion.whole),
  resumeToken: z.string().nullable(),
  startAtOperationTime: clusterTimeSchema.nullable(),
  clusterTime: clusterTimeSchema.nullable(),
  ordinal: z.number().int().min(0),
  checkpointAt: z.number().nullable(),
  lease: z.object({ holder: z.string().nullable(), fencing: z.number().int().min(0), expiresAt: z.number() }),
  reconciliationPending: z.object({ reason: z.enum(reconciliationReasons), at: z.number() }).nullable(),
  // Both are missing in records of the first release.
  source: z.object({ uuid: z.string().nullable(), replicaSet: z.string().nullable() }).nullable().default(null),
  runsWithoutProgress: z.number().int().min(0).default(0),
  rewind: z.object({ to: z.number(), by: z.string(), at: z.number() }).nullable().default(null),
});
const recordSchema = z.discriminatedUnion('schemaVersion', [
  wholeSchema,
  wholeSchema.extend({
    schemaVersion: z.literal(relaySchemaVersion.shard),
    shards: z.number().int().min(2),
    status: z.object({ lagMs: z.number().nullable(), inFlight: z.number() }).nullable(),
  }),
]);

/** Where the record of the relay of this source, or of one of its shards, is kept. */
export function relayRecordRef(firestore: Firestore, source: Config['source'], shard = 1): DocumentReference {
  return firestore.collection(recordCollections.relay).doc(relayRecordId(source, shard));
}

/** The record before the very first start. */
export const emptyRelayRecord: RelayRecord = {
  checkpoint: { token: null, startAt: null, last: null, source: null },
  checkpointAt: null,
  lease: { holder: null, fencing: 0, expiresAt: 0 },
  reconciliationPending: null,
  runsWithoutProgress: 0,
  rewind: null,
  shards: 1,
  status: null,
};

/** Reads the record at `path`; a missing one reads as empty.
 *  @throws RelayRecordError when it does not parse. */
export function parseRelayRecord(path: string, data: unknown): RelayRecord {
  if (data === undefined) return emptyRelayRecord;
  const result = recordSchema.safeParse(data);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new RelayRecordError(path, issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'not a record');
  }
  const { resumeToken, startAtOperationTime, clusterTime, ordinal, source, ...rest } = result.data;
  return {
    checkpoint: {
      token: resumeToken === null ? null : tokenFromText(path, resumeToken),
      startAt: startAtOperationTime,
      last: clusterTime === null ? null : { time: clusterTime, ordinal },
      source,
    },
    checkpointAt: rest.checkpointAt,
    lease: rest.lease,
    reconciliationPending: rest.reconciliationPending,
    runsWithoutProgress: rest.runsWithoutProgress,
    rewind: rest.rewind,
    ...(rest.schemaVersion === relaySchemaVersion.whole
      ? { shards: 1, status: null }
      : { shards: rest.shards, status: rest.status }),
  };
}

/** The document that holds a record. It is always written whole, by a compare-and-set against the write before
 *  (`lease.ts`). */
export function relayRecordData({ checkpoint, shards, status, ...rest }: RelayRecord): { [field: string]: unknown } {
  return {
    schemaVersion: shards === 1 ? relaySchemaVersion.whole : relaySchemaVersion.shard,
    // A token may hold binary data, and its inside is MongoDB's own business: Extended JSON keeps whatever it is.
    resumeToken: checkpoint.token === null ? null : BSON.EJSON.stringify(checkpoint.token, { relaxed: false }),
    startAtOperationTime: checkpoint.startAt,
    clusterTime: checkpoint.last?.time ?? null,
    ordinal: checkpoint.last?.ordinal ?? 0,
    source: checkpoint.source,
    ...rest,
    ...(shards === 1 ? {} : { shards, status }),
  };
}

function tokenFromText(path: string, text: string): unknown {
  try {
    return BSON.EJSON.parse(text, { relaxed: false });
  } catch (error) {
    throw new RelayRecordError(path, `resumeToken: ${error instanceof Error ? error.message : String(error)}`);
  }
}
