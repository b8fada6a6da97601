// Answers of the API for tests of what the page looks like. The tests of what it does run against the real API.
import type { AlertView } from '../../src/api/views/alerts.ts';
import type { AuditEntryView } from '../../src/api/views/audit.ts';
import type { DeadLetterView, HoldView } from '../../src/api/views/decisions.ts';
import type { ReportView } from '../../src/api/views/integrity.ts';
import type { JobView } from '../../src/api/views/jobs.ts';
import type { MeasuresView, NowView } from '../../src/api/views/now.ts';
import type { EventView, ProjectView } from '../../src/api/views/projects.ts';

const minuteMs = 60_000;
const start = Date.UTC(2026, 10, 27, 9, 30);

export const project = (id: string, name: string): ProjectView => ({
  id,
  name,
  state: 'live',
  inStep: true,
  version: '6740a1b2000000030000',
  revision: 4,
  appliedRevision: 4,
  fields: {
    name,
    description: 'A tender short film about two sisters who must cross a city that is closing.',
    members: [
      { name: 'Mara Okafor', role: 'owner', userId: 'user-17' },
      { name: 'Kim Joon-ho', role: 'editor', userId: 'user-3' },
    ],
  },
  hold: { state: 'held', since: start },
  collections: [
    { name: 'storyboards', assets: 128 },
    { name: 'aiAnalyses', assets: 40 },
    { name: 'generatedMedia', assets: 2_310 },
  ],
  archived: { documents: 2_440, isMore: false, until: start + 30 * 86_400_000 },
  jobs: [job(1, { projectId: id })],
});

export const job = (index: number, more: Partial<JobView> = {}): JobView => ({
  id: `66f0c0ffee00000000${String(index).padStart(6, '0')}:6740a1b2000000030000`,
  type: index % 5 === 0 ? 'delete' : 'update',
  status: index % 7 === 3 ? 'failed' : 'done',
  projectId: `66f0c0ffee00000000${String(index).padStart(6, '0')}`,
  percent: 100,
  processed: 120 + index,
  total: 120 + index,
  startedAt: start - index * minuteMs,
  finishedAt: start - index * minuteMs + 1_400,
  initiator: 'user-17',
  reason: null,
  errors: index % 7 === 3 ? ['storyboards/s1: PERMISSION_DENIED: the service account may not write'] : [],
  ...more,
});

export const alert = (index: number, more: Partial<AlertView> = {}): AlertView => ({
  key: `drift-found-${index}`,
  alarm: 'drift found',
  state: 'open',
  message: '14 copies of 3 projects differ from MongoDB',
  hint: 'Look at the report, then run a reconciliation in mode clean.',
  fields: { job: 'reconcile-2026-11-27', collections: ['storyboards'] },
  count: 3,
  firstAt: start - 20 * minuteMs,
  lastAt: start,
  acknowledgedBy: null,
  escalatedAt: null,
  ...more,
});

export const now = (): NowView => ({
  at: start,
  mode: 'live',
  summary: 'All 10,000 projects that changed show what MongoDB has; two deletions wait for a decision.',
  inStep: true,
  relay: {
    state: 'running',
    holder: 'relayProjectChanges-00042-fox/4f2a9c',
    place: start,
    lagMs: 420,
    renewedAt: start,
    shards: [],
  },
  backlog: 3,
  running: [
    job(2, {
      id: 'reconcile-20261127',
      type: 'reconciliation',
      status: 'running',
      projectId: null,
      percent: 62,
      finishedAt: null,
    }),
    job(5, { status: 'running', percent: 12, finishedAt: null }),
  ],
  openAlerts: [alert(1)],
  hasMoreAlerts: false,
  holds: 2,
  deadLetters: 1,
  paused: [{ what: 'collection:generatedMedia', by: 'ana@studio.example', reason: 'migration of media', since: start }],
  targets: [
    { name: 'commit-to-shown', goal: 120_000, measured: 1_900, met: true },
    { name: 'relay-lag', goal: 300_000, measured: 420, met: true },
    { name: 'recovery', goal: 600_000, measured: null, met: true },
  ],
});

/** A wave, so that a plot has something to show, with a quarter of an hour in which nobody measured. */
export function measures(range: MeasuresView['range']): MeasuresView {
  const length = { hour: 60, day: 96, month: 30 }[range];
  const stepMs = { hour: 1, day: 15, month: 1_440 }[range] * minuteMs;
  const column = (value: (index: number) => number) =>
    Array.from({ length }, (_, index) => (index >= length * 0.55 && index < length * 0.7 ? null : value(index)));
  const wave = (index: number) => 1 + Math.sin(index / 5) ** 2 + (index % 7) / 10;
  return {
    range,
    stepMs,
    at: Array.from({ length }, (_, index) => start - (length - index) * stepMs),
    events: column((index) => Math.round(40 * wave(index))),
    assets: column((index) => Math.round(180 * wave(index + 3))),
    shownP50: column((index) => 700 * wave(index)),
    shownP95: column((index) => 2_400 * wave(index + 1)),
    relayLag: column((index) => 300 * wave(index + 4)),
    backlog: column((index) => Math.round(4 * wave(index))),
    findings: column((index) => (index % 20 === 4 ? 14 : 0)),
    reads: column((index) => 900 * wave(index)),
    writes: column((index) => 200 * wave(index)),
    deletes: column((index) => 20 * wave(index)),
    cost: column((index) => (0.0004 * wave(index) * stepMs) / minuteMs),
  };
}

export const event = (index: number, more: Partial<EventView> = {}): EventView => ({
  id: `66f0c0ffee00000000000001:6740a1b2${String(index).padStart(8, '0')}0000`,
  projectId: '66f0c0ffee00000000000001',
  type: 'ProjectUpdated',
  version: `6740a1b2${String(index).padStart(8, '0')}0000`,
  origin: 'collaboration-service',
  actor: 'user-17',
  receivedAt: start - index * minuteMs,
  outcome: index === 0 ? 'held' : 'applied',
  jobId: job(index).id,
  lagMs: 640 + index,
  ...more,
});

export const deadLetter = (index: number, more: Partial<DeadLetterView> = {}): DeadLetterView => ({
  id: `dead-${index}`,
  projectId: `66f0c0ffee00000000${String(index).padStart(6, '0')}`,
  asset: null,
  status: 'open',
  reason: 'unreadable',
  error: 'specversion: this version reads 1, the message has 2',
  attempts: 5,
  firstAt: start - minuteMs,
  lastAt: start,
  message: '{"specversion":2,"type":"ProjectUpdated"}',
  attributes: { type: 'ProjectUpdated', specversion: '2' },
  ...more,
});

export const hold = (index: number, more: Partial<HoldView> = {}): HoldView => ({
  eventId: `hold-${index}`,
  projectId: `66f0c0ffee00000000${String(index).padStart(6, '0')}`,
  status: 'held',
  since: start,
  assets: 100 + index,
  actor: 'user-9',
  problem: null,
  ...more,
});

export const report = (index: number, more: Partial<ReportView> = {}): ReportView => ({
  id: `reconcile-${index}`,
  type: index % 2 === 0 ? 'reconciliation' : 'verification',
  mode: 'report',
  status: 'done',
  startedAt: start - index * 86_400_000,
  finishedAt: start - index * 86_400_000 + 40_000,
  initiator: 'schedule',
  reason: null,
  projects: 10_000,
  collections: [
    { name: 'storyboards', assets: 410_000, inStep: 0.99996, checksums: 'different' },
    { name: 'aiAnalyses', assets: 200_000, inStep: 1, checksums: 'equal' },
    { name: 'generatedMedia', assets: 390_000, inStep: null, checksums: 'not-compared' },
  ],
  findings: { orphans: index, staleCopies: 14 },
  examples: [
    { kind: 'stale-copy', projectId: '66f0c0ffee00000000000001', path: 'storyboards/s1', detail: 'shows "Untitled"' },
  ],
  details: [{ name: 'projects with assets', value: 9_900 }],
  brake:
    index === 0
      ? {
          kind: 'projects-shrunk',
          saw: 'collaboration.projects has 4000 projects; it had 10000 at the last run',
          goOn: 'if so many projects were deleted on purpose, allow it once',
          allow: { shrink: true },
        }
      : null,
  ...more,
});

export const auditEntry = (sequence: number, more: Partial<AuditEntryView> = {}): AuditEntryView => ({
  sequence,
  at: start - sequence * minuteMs,
  actor: 'ana@studio.example',
  role: 'operator',
  via: 'api',
  action: 'pause',
  target: 'deletions',
  reason: 'an import runs',
  before: { paused: [] },
  after: { paused: ['deletions'] },
  result: 'paused',
  previous: 'a'.repeat(64),
  hash: 'b'.repeat(64),
  ...more,
});
