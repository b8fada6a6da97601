import type { Firestore } from 'firebase-admin/firestore';
import type { Config } from '../config/defineConfig.ts';
import type { ProjectsSource } from '../source/connect.ts';
import { readIdentity, type SourceIdentity } from '../source/identity.ts';
import { readOperationTime } from './changeStream/open.ts';
import type { RelayContext } from './context.ts';
import { waitForLease } from './lease.ts';
import { type RelayRecord, relayRecordRef } from './relayRecord.ts';
import { rewriteRecords } from './shards/rewriteRecords.ts';

export interface AdoptOptions extends RelayContext {
  readonly source: ProjectsSource;
  readonly firestore: Firestore;
  readonly config: Config;
  /** Names this run; no two may have the same name. */
  readonly holder: string;
  /** Ends the waiting for the lease. */
  readonly signal: AbortSignal;
}

/** What became of an adoption. */
export type Adoption =
  | { readonly kind: 'adopted'; readonly was: SourceIdentity | null; readonly is: SourceIdentity }
  /** Another relay (`heldBy`) kept the lease until the signal, or took it meanwhile. */
  | { readonly kind: 'lease-held'; readonly heldBy: string | null };

/** Makes the MongoDB that is there now the one that the relay follows: its place becomes the present, and a
 *  reconciliation is noted, which the next run of the relay asks for. Waits for the lease first.
 *  @throws RelayRecordError; what MongoDB or Firestore answer. */
export async function adoptSource(options: AdoptOptions): Promise<Adoption> {
  const { source, clock, limits, log, holder, signal } = options;
  const ref = relayRecordRef(options.firestore, options.config.source);
  const { identity } = await readIdentity(source, limits.commandMs);
  const startAt = await readOperationTime(source.client, limits.commandMs);
  const standby = await waitForLease(ref, holder, options, signal);
  if (standby.kind !== 'taken') return { kind: 'lease-held', heldBy: standby.kind === 'ended' ? standby.heldBy : null };
  const { record } = standby;
  const now = clock.now();
  // Of several shards the first asks for the reconciliation of all.
  const adopted = (before: RelayRecord | null, index: number): RelayRecord => ({
    ...record,
    checkpoint: { token: null, startAt, last: null, source: identity },
    checkpointAt: now,
    lease: { holder: null, fencing: (before ?? record).lease.fencing, expiresAt: 0 },
    reconciliationPending: index === 0 ? { reason: 'source-adopted', at: now } : null,
    runsWithoutProgress: 0,
    // Its time was one of the source before.
    rewind: null,
    status: null,
  });
  const kept = { firestore: options.firestore, source: options.config.source };
  const written = await rewriteRecords(kept, standby, record.shards, (records) => records.map(adopted));
  if (written.kind === 'lost') return { kind: 'lease-held', heldBy: written.lease?.holder ?? null };
  const was = record.checkpoint.source;
  log.info('the relay has adopted the source', { was, is: identity });
  return { kind: 'adopted', was, is: identity };
}
