import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ReportView, reportView } from '../../src/api/views/integrity.ts';
import { noFindings } from '../../src/reconcile/findings.ts';
import { jobData } from '../../src/reconcile/jobData.ts';
import type { ReconcileJob } from '../../src/reconcile/jobRecord.ts';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import { newJob } from '../../src/reconcile/newJob.ts';
import { reportAs } from '../../src/reports/formats.ts';
import { verdictOf } from '../../src/reports/html.ts';
import { reportViewOf } from '../../src/reports/reportView.ts';
import { manualClock } from '../support/clock.ts';

const startedAt = Date.UTC(2026, 10, 27, 12);
const hostile = '=HYPERLINK("http://evil.example")</td><script>alert(1)</script>\u001b[31m';

/** A verification that found something, with text from outside that means harm. */
function drifted(): ReconcileJob {
  const sight = { database: 'collaboration', collection: 'projects', uuid: null, projects: 1_204 };
  const request = {
    mode: 'verify',
    reason: 'before the deployment',
    actor: 'ann@example.com',
    jobId: 'verify-1',
  } as const;
  const dependencies = { clock: manualClock(startedAt), uniqueId: () => 'unused', limits: defaultReconcileLimits };
  const job = newJob(dependencies, request, 'key', sight, ['storyboards', 'analyses']);
  const [storyboards, analyses] = job.collections;
  assert.ok(storyboards !== undefined && analyses !== undefined && job.verification !== null);
  Object.assign(storyboards, { assets: 3_000, projects: 1_000, behind: 1, checksums: { assets: 'a', projects: 'b' } });
  Object.assign(analyses, { assets: 1_000, projects: 1_000, checksums: { assets: 'a', projects: 'a' } });
  Object.assign(job.verification, { lookedTwice: 3, settled: 2, sampled: 20, assets: 61, reads: 80 });
  return {
    ...job,
    status: 'done',
    finishedAt: startedAt + 61_000,
    ranges: [{ from: '\u0000', to: null, done: true }],
    projects: 1_000,
    records: 1_200,
    findings: { ...noFindings(), 'stale-copy': 1 },
    examples: [
      {
        kind: 'stale-copy',
        projectId: '66f0c0ffee66f0c0ffee66f0',
        collections: ['storyboards'],
        path: 'storyboards/one',
        detail: `projectName: "${hostile}", should be "Name, with a comma"`,
      },
      { kind: 'unknown-id', projectId: hostile, collections: ['storyboards'], path: null, detail: 'no such project' },
    ],
  };
}

function braked(): ReconcileJob {
  const brake = { kind: 'too-many-orphans', saw: '40 of 60 projects are not in MongoDB', goOn: 'look first' } as const;
  return { ...drifted(), status: 'braked', brake, findings: { ...noFindings(), 'orphan-unknown': 40 } };
}

/** Compares with a kept file. UPDATE_GOLDEN=1 writes it, for a person to read the difference. */
async function assertGolden(name: string, text: string): Promise<void> {
  const path = join(import.meta.dirname, 'golden', name);
  if (process.env.UPDATE_GOLDEN === '1') await writeFile(path, text);
  assert.equal(text, await readFile(path, 'utf8'));
}

describe('the report of a run', () => {
  it('is what the schema of the API says', () => {
    for (const job of [drifted(), braked()]) reportView.parse(reportViewOf(job));
  });

  it('says what share of each collection is in step, and whether its checksums are equal', () => {
    assert.deepEqual(reportViewOf(drifted()).collections, [
      { name: 'storyboards', assets: 3_000, inStep: 0.999, checksums: 'different' },
      { name: 'analyses', assets: 1_000, inStep: 1, checksums: 'equal' },
    ]);
  });

  it('says nothing about what was not scanned to its end', () => {
    const job = { ...drifted(), ranges: [{ from: '\u0000', to: null, done: false }] };
    const view = reportViewOf(job);
    assert.deepEqual(
      view.collections.map(({ inStep, checksums }) => [inStep, checksums]),
      [
        [null, 'not-compared'],
        [null, 'not-compared'],
      ],
    );
    assert.equal(verdictOf(view), 'It could not look at everything.');
  });

  it('says how to go on past a brake, as the operation takes it, or that nothing takes it off', () => {
    assert.deepEqual(reportViewOf(braked()).brake?.allow, { orphans: 40 });
    const empty = { kind: 'source-empty', saw: 'no projects', goOn: 'check MONGODB_URI' } as const;
    assert.equal(reportViewOf({ ...braked(), brake: empty }).brake?.allow, null);
  });

  it('says in one sentence what came of it', () => {
    const view = reportViewOf(drifted());
    const verdict = (change: Partial<ReportView>) => verdictOf({ ...view, ...change });
    assert.equal(verdict({}), 'Not in step: 1 finding.');
    assert.equal(verdict({ findings: {} }), 'In step: nothing differs.');
    assert.equal(verdict({ collections: [], finishedAt: null }), 'Not finished: it says nothing yet.');
  });

  it('as JSON is the view itself', () => {
    const view = reportViewOf(drifted());
    const { body, contentType, name } = reportAs('json', view);
    assert.deepEqual(JSON.parse(body), view);
    assert.deepEqual([contentType, name], ['application/json; charset=utf-8', 'verify-1.json']);
  });

  it('as CSV has one fact a row, and no formulas', async () => {
    const { body } = reportAs('csv', reportViewOf(drifted()));
    assert.doesNotMatch(body, /(^|,)"?[=+@]/m);
    await assertGolden('verification.csv', body);
  });

  it('as HTML stands alone, runs nothing, and escapes what comes from outside', async () => {
    const { body } = reportAs('html', reportViewOf(drifted()));
    assert.doesNotMatch(body, /<script|http-equiv="refresh"|src=|href=|\son\w+=/i);
    assert.ok(!body.includes('\u001b'));
    await assertGolden('verification.html', body);
    await assertGolden('brake.html', reportAs('html', reportViewOf(braked())).body);
  });
});

describe('the record of a run', () => {
  const percent = (change: Partial<ReconcileJob>) => jobData({ ...drifted(), status: 'running', ...change }).percent;
  const ranges = [{ from: '\u0000', to: null, done: false }];

  it('says how far it is, for lists of jobs', () => {
    assert.equal(percent({ ranges, projects: 0 }), 0);
    assert.equal(percent({ ranges, projects: 602, mode: 'report' }), 50);
    assert.equal(percent({ ranges, projects: 602, mode: 'clean' }), 25);
    assert.equal(percent({ mode: 'clean', phase: 'repair', chunks: 2 }), 50);
    assert.equal(percent({ mode: 'report' }), 99);
    assert.equal(percent({ status: 'done' }), 100);
  });

  it('lists what went wrong', () => {
    const { errors } = jobData({ ...braked(), lastError: 'Firestore did not answer' });
    assert.deepEqual(errors, ['40 of 60 projects are not in MongoDB', 'Firestore did not answer']);
  });
});
