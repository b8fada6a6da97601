import { randomUUID } from 'node:crypto';
import type { Firestore } from 'firebase-admin/firestore';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import type { Actor, AuditEntry } from '../../src/audit/entry.ts';
import { parseAuditEntry } from '../../src/audit/entry.ts';
import { auditPages, verifyAudit } from '../../src/audit/verify.ts';
import { dayMs } from '../../src/clock.ts';
import type { OperationServices } from '../../src/operations/operation.ts';
import type { UpkeepDependencies } from '../../src/operations/upkeep.ts';
import { type SteppedClock, steppedClock } from '../support/clock.ts';
import { type RecordedLog, recordedLog } from '../support/log.ts';
import { type FakeTopic, fakeTopic } from '../support/topic.ts';
import { connect, testConfig } from '../sync/worker.fixture.ts';

export const operator: Actor = { name: 'olga@example.com', role: 'operator', via: 'api' };
export const viewer: Actor = { name: 'victor@example.com', role: 'viewer', via: 'api' };

/** Operations on a real client and a local Firestore, with topics in memory. */
export interface OperationsFixture {
  readonly server: FirestoreServer;
  readonly firestore: Firestore;
  readonly clock: SteppedClock;
  readonly log: RecordedLog;
  readonly events: FakeTopic;
  readonly requests: FakeTopic;
  readonly services: OperationServices;
  readonly upkeep: UpkeepDependencies;
  close(): Promise<void>;
}

export async function startOperationsFixture(): Promise<OperationsFixture> {
  const server = await startFirestoreServer();
  const firestore = connect(server);
  const clock = steppedClock();
  const log = recordedLog();
  const events = fakeTopic();
  const requests = fakeTopic();
  const services: OperationServices = {
    firestore,
    config: testConfig,
    clock,
    log,
    uniqueId: randomUUID,
    publisherTo: async (topic) => ({ events, reconciliationRequests: requests })[topic],
    retentionMs: 90 * dayMs,
  };
  return {
    server,
    firestore,
    clock,
    log,
    events,
    requests,
    services,
    upkeep: upkeepWith(services),
    async close() {
      await firestore.terminate();
      await server.close();
    },
  };
}

/** Upkeep where nothing is paused. */
export function upkeepWith(services: Omit<UpkeepDependencies, 'control' | 'isShadow' | 'truth'>): UpkeepDependencies {
  return {
    ...services,
    control: { read: async () => ({ paused: [] }) },
    isShadow: false,
    truth: { ask: () => Promise.reject(new Error('no project was deleted, so nobody asks MongoDB')) },
  };
}

/** All entries of the audit, of which the chain must be in order. */
export async function auditOf(firestore: Firestore): Promise<AuditEntry[]> {
  const verdict = await verifyAudit({ firestore });
  if (!verdict.ok) throw new Error(`the audit is broken after ${verdict.sequence}: ${verdict.problem}`);
  const entries: AuditEntry[] = [];
  for await (const page of auditPages({ firestore })) {
    for (const document of page) {
      const parsed = parseAuditEntry(document.data());
      if (parsed.ok) entries.push(parsed.entry);
    }
  }
  return entries;
}
