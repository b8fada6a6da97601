import { Timestamp } from 'firebase-admin/firestore';
import type { SeedDocument } from '../../local/demo/seedData.ts';
import { type AlertRecord, alertData } from '../../src/alerts/alertRecord.ts';
import { hourMs, minuteMs, secondMs } from '../../src/clock.ts';
import { type Failure, failureData } from '../../src/deadLetters/failure.ts';
import { eventId, type ProjectEvent } from '../../src/events/contract.ts';
import { versionOf } from '../../src/events/version.ts';
import { emptyMeasure } from '../../src/measures/measure.ts';
import { measureId, partsData, startOf } from '../../src/measures/measureRecord.ts';
import { emptyProjectRecord, projectRecordData } from '../../src/records/projectRecord.ts';
import { type SyncJob, syncJobData } from '../../src/records/syncJob.ts';

/** The id of the project with a number. */
export function projectOf(number: number): string {
  return number.toString(16).padStart(24, '0');
}

function eventOf(number: number, type: ProjectEvent['type']): ProjectEvent {
  const projectId = projectOf(number);
  const version = versionOf({ seconds: 1_700_000_000 + number, increment: 1 }, 0);
  return {
    specversion: 1,
    id: eventId(projectId, version),
    type,
    projectId,
    version,
    occurredAt: new Date(0).toISOString(),
    changes: {},
    origin: { service: 'collaboration-service', actor: `user-${number}`, channel: 'change-stream' },
  };
}

/** The record of a project that is in step. */
export function projectDocument(number: number, name = `Project ${number}`): SeedDocument {
  const projectId = projectOf(number);
  const version = versionOf({ seconds: 1_700_000_000, increment: 1 }, 0);
  const desired = { kind: 'live' as const, version, deletedVersion: null, fields: { name: { value: name, version } } };
  const record = { ...emptyProjectRecord(projectId), desired, revision: 1, appliedRevision: 1 };
  return [`syncProjects/${projectId}`, projectRecordData(record)];
}

/** The job of a project's event; they began a second apart. */
export function jobDocument(number: number, changed: Partial<SyncJob> = {}): SeedDocument {
  const type = changed.status === 'held' ? 'ProjectDeleted' : 'ProjectUpdated';
  const event = eventOf(number, type);
  const startedAt = 1_700_000_000_000 + number * secondMs;
  const job: SyncJob = {
    event,
    initiator: { service: 'collaboration-service', channel: 'change-stream', actor: `user-${number}` },
    type: type === 'ProjectDeleted' ? 'delete' : 'update',
    status: 'done',
    startedAt,
    finishedAt: startedAt,
    total: null,
    processed: 1,
    scanned: 1,
    rangesLeft: 0,
    reason: null,
    parkedFor: null,
    staysParked: false,
    errors: [],
    heldAt: changed.status === 'held' ? startedAt : null,
    expireAt: null,
    ...changed,
  };
  return [`syncJobs/${encodeURIComponent(event.id)}`, syncJobData(job)];
}

export function deadLetterDocument(number: number, changed: Partial<Failure> = {}): SeedDocument {
  const id = `letter-${number}`;
  const failure: Failure = {
    id,
    message: { data: Buffer.from('{}'), attributes: {} },
    attributes: { reason: 'attempts' },
    preview: '{}',
    payloadBytes: 2,
    projectId: projectOf(number),
    asset: null,
    reason: 'attempts',
    error: 'it failed',
    attempts: 10,
    times: 1,
    firstAt: 1_700_000_000_000,
    lastAt: 1_700_000_000_000 + number,
    status: 'dead',
    ...changed,
  };
  return [`syncFailures/${id}`, failureData(failure)];
}

export function alertDocument(number: number, changed: Partial<AlertRecord> = {}): SeedDocument {
  const record = openAlert(number, changed);
  return [`syncAlerts/${record.key}`, alertData(record)];
}

export function openAlert(number: number, changed: Partial<AlertRecord> = {}): AlertRecord {
  return {
    key: `alert-${number}`,
    alarm: 'dead-letter',
    state: 'open',
    message: 'an event could not be applied',
    hint: 'look at it',
    fields: {},
    count: 1,
    firstAt: 1_700_000_000_000,
    lastAt: 1_700_000_000_000 + number,
    opening: 1,
    acknowledgedBy: null,
    acknowledgedAt: null,
    closedBy: null,
    closedAt: null,
    endedAt: null,
    escalatedAt: null,
    counted: [],
    sent: [],
    sending: null,
    lookAt: null,
    expireAt: null,
    ...changed,
  };
}

/** A relay that holds its lease. */
export function relayDocument(now: number): SeedDocument {
  return [
    'syncRelay/collaboration%2Eprojects',
    {
      clusterTime: { seconds: Math.floor(now / secondMs), increment: 1 },
      lease: { holder: 'relay-1', fencing: 1, expiresAt: now + hourMs },
    },
  ];
}

/** Measures of every minute of the last two days, as hours and days keep them. */
export function measureDocuments(now: number): SeedDocument[] {
  const hours = Array.from({ length: 48 }, (_, index) => startOf('hour', now - index * hourMs));
  const days = [...new Set(hours.map((hour) => startOf('day', hour)))];
  return [
    ...hours.map((hour): SeedDocument => {
      const minutes = Array.from({ length: 60 }, (_, index) => hour + index * minuteMs).filter((at) => at < now);
      const parts = new Map(minutes.map((at) => [at, { ...emptyMeasure, relayLagMs: 500, assets: 1 }]));
      return [`syncMeasures/${measureId('hour', hour)}`, partsData('hour', hour, parts)];
    }),
    ...days.map((day): SeedDocument => {
      const parts = new Map(hours.filter((at) => startOf('day', at) === day).map((at) => [at, emptyMeasure]));
      return [`syncMeasures/${measureId('day', day)}`, partsData('day', day, parts)];
    }),
  ];
}

/** A run of reconciliation as lists show it. */
export function runDocument(number: number): SeedDocument {
  const startedAt = Timestamp.fromMillis(1_700_000_000_000 + number);
  return [`syncJobs/run-${number}`, { type: 'reconciliation', status: 'done', startedAt, finishedAt: startedAt }];
}
