import assert from 'node:assert/strict';
import { noFindings } from '../../src/reconcile/findings.ts';
import { jobData } from '../../src/reconcile/jobData.ts';
import { isFinished, parseJob, requestOf } from '../../src/reconcile/jobRecord.ts';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import { newJob } from '../../src/reconcile/newJob.ts';
import { reportViewOf } from '../../src/reports/reportView.ts';
import { manualClock } from '../support/clock.ts';

const dependencies = { clock: manualClock(), uniqueId: () => 'one', limits: defaultReconcileLimits };
const sight = { database: 'collaboration', collection: 'projects', uuid: null, projects: 3 };

describe('the record of a reconciliation', () => {
  it('reads back what it wrote', () => {
    for (const mode of ['report', 'clean', 'verify'] as const) {
      const job = newJob(dependencies, { mode, reason: 'test' }, 'key', sight, ['storyboards']);
      assert.deepEqual(parseJob(job.id, jobData(job)), job);
    }
  });

  it('keeps what an operator has asked for, with what is allowed', () => {
    const request = {
      mode: 'clean',
      reason: 'tidy up',
      actor: 'ann@example.com',
      jobId: 'job-1',
      collections: ['storyboards'],
      allow: { orphans: 3 },
    } as const;
    const job = newJob(dependencies, request, 'key', sight, ['storyboards']);
    assert.deepEqual(requestOf(parseJob('job-1', jobData(job))), request);
  });

  it('of an earlier release is shown, and says that its checksums were not compared', () => {
    const job = newJob(dependencies, { mode: 'report', reason: 'schedule' }, 'key', sight, ['storyboards']);
    const { initiator, request, verification, isShadow, processed, total, percent, errors, ...old } = jobData({
      ...job,
      status: 'done',
      ranges: [{ from: '\u0000', to: null, done: true }],
    });
    const {
      'sample-differs': _sample,
      'history-differs': _history,
      ...findings
    } = { ...noFindings(), 'stale-copy': 2 };
    const collections = job.collections.map(({ behind: _behind, checksums: _checksums, ...tally }) => ({
      ...tally,
      projects: 3,
    }));
    const parsed = parseJob(job.id, { ...old, findings, collections });
    assert.equal(parsed.initiator, 'lockstep');
    assert.ok(isFinished(parsed));
    const view = reportViewOf(parsed);
    assert.deepEqual(view.findings, { 'stale-copy': 2 });
    assert.deepEqual(view.collections, [
      { name: 'storyboards', assets: null, inStep: null, checksums: 'not-compared' },
    ]);
  });
});
