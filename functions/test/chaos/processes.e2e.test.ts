// Attacks I1 and I6 with processes: functions and relay are killed with SIGKILL at random moments. `npm run chaos --
// --processes` runs dozens.
import assert from 'node:assert/strict';
import { processRuns } from './processRuns.ts';
import { createReport, renderReport } from './report.ts';

describe('chaos, processes', function () {
  this.timeout(300_000);

  it('breaks no guarantee when processes die', async () => {
    const report = createReport('test');
    await processRuns({ seed: 'test', first: 0, runs: 2 }, (run, result) => {
      report.add(run, result);
      return true;
    });
    const { findings, tally } = report.soFar(0);
    assert.deepEqual(findings, [], renderReport(report.soFar(0), '--processes '));
    assert.ok(tally.kills > 0);
  });
});
