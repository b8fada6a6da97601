import assert from 'node:assert/strict';
import { progressLine } from '../../src/cli/reconcileProgress.ts';
import { noFindings } from '../../src/reconcile/findings.ts';
import { type ReconcileReport, renderReport } from '../../src/reconcile/report.ts';

const report: ReconcileReport = {
  jobId: 'reconciliation-1',
  mode: 'report',
  status: 'done',
  reason: 'test',
  startedAt: '2026-11-22T12:00:00.000Z',
  finishedAt: '2026-11-22T12:00:10.000Z',
  invocations: 1,
  source: { database: 'collaboration', collection: 'projects', uuid: null, projects: 1_000 },
  scanned: 'all',
  records: 990,
  projects: 990,
  young: 0,
  collections: [
    {
      name: 'storyboards',
      assets: 100_000,
      projects: 990,
      tuples: 991,
      reads: { hops: 1_000, counts: 300, closer: 0, total: 1_300 },
      fullScan: 100_000,
    },
  ],
  recordReads: 3,
  reads: 1_303,
  findings: noFindings(),
  examples: [],
  repaired: null,
  failures: [],
  leftAlone: 0,
  unknownAllowed: null,
  phantoms: null,
  files: null,
  isShadow: false,
  brake: null,
};

describe('reconciliation report', () => {
  it('says what was read, and what a full scan costs', () => {
    const text = renderReport(report);
    assert.match(text, /storyboards +100,000 +990 +991 +1,300 +1,000 +300 +0 +100,000/);
    assert.match(text, /1,303 reads, 3 of them for project records; a full scan costs 100,000, 76\.7 times as many/);
    assert.match(text, /No findings/);
  });

  it('names each finding with an example', () => {
    const text = renderReport({
      ...report,
      findings: { ...noFindings(), 'stale-copy': 2, held: 1 },
      examples: [
        {
          kind: 'stale-copy',
          projectId: 'p1',
          collections: ['storyboards'],
          path: 'storyboards/s1',
          detail: 'projectName: "old", should be "new"',
        },
      ],
    });
    assert.match(text, /2 {2}stale copies/);
    assert.match(text, /p1 {2}storyboards {2}storyboards\/s1: projectName: "old", should be "new"/);
    assert.match(text, /1 {2}projects held/);
  });

  it('puts a brake first: what it saw, what was done, how to go on', () => {
    const brake = {
      kind: 'too-many-orphans',
      saw: '300 of 990 are gone',
      goOn: 'run with --allow-orphans 300',
    } as const;
    const text = renderReport({ ...report, status: 'braked', brake });
    assert.match(
      text,
      /BRAKE too-many-orphans: 300 of 990 are gone\.\nNothing was changed\. To go on: run with --allow-orphans 300\./,
    );
  });

  it('does not call in step what it did not look at', () => {
    const brake = { kind: 'source-empty', saw: 'MongoDB has no projects', goOn: 'look at MongoDB' } as const;
    const unseen = renderReport({ ...report, status: 'braked', brake, scanned: 'nothing' });
    assert.match(unseen, /No asset was scanned/);
    const partly = renderReport({ ...report, status: 'running', scanned: 'part' });
    assert.match(partly, /No findings in the part that was scanned; this run says nothing about the rest/);
    for (const text of [unseen, partly]) assert.doesNotMatch(text, /in step/);
    const some = { ...report, scanned: 'part', findings: { ...noFindings(), held: 1 } } as const;
    assert.match(renderReport(some), /Findings in the part that was scanned/);
  });

  it('prints ids, values and errors without their control characters', () => {
    const text = renderReport({
      ...report,
      findings: { ...noFindings(), 'orphan-unknown': 1 },
      examples: [
        {
          kind: 'orphan-unknown',
          projectId: 'p\u001b[2J\n0 findings',
          collections: ['storyboards'],
          path: 'storyboards/\u202es',
          detail: 'gone\u0007',
        },
      ],
      repaired: { applied: 0, assets: 0, deferred: 0, settled: 0, contradicted: 0, held: 0, failed: 1 },
      failures: ['p1: \u009b31m'],
    });
    assert.match(text, /p\\u001b\[2J\\u000a0 findings {2}storyboards {2}storyboards\/\\u202es: gone\\u0007/);
    assert.match(text, /p1: \\u009b31m/);
  });

  it('says what was repaired, and what was not', () => {
    const repaired = { applied: 4, assets: 12, deferred: 1, settled: 0, contradicted: 0, held: 0, failed: 1 };
    const text = renderReport({ ...report, mode: 'clean', repaired, failures: ['p1: its record cannot be read'] });
    assert.match(
      text,
      /4 projects repaired \(12 assets deleted or updated\), 1 put off by a pause, or under way elsewhere, 1 failed\n {2}p1: its record/,
    );
  });

  it('tells how far a run is, and how long it may take', () => {
    const progress = { phase: 'scan', done: 1_200, about: 10_000, reads: 2_431, findings: 3, startedAt: 0 } as const;
    const line = progressLine(progress, { ...progress, done: 200 }, 2_000);
    assert.equal(line, '1,200 of about 10,000 projects, 2,431 reads, 3 findings, about 18 s left');
    assert.doesNotMatch(progressLine({ ...progress, done: 10_000 }, progress, 2_000), /left/);
  });
});
