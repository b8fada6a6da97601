import { sleep } from '../clock.ts';
import type { ToRepair } from '../reconcile/findings.ts';
import { isOver, type PassEnd, type Run } from '../reconcile/runRecord.ts';
import { countJudged, type Judged } from '../reconcile/scan/judgeBatch.ts';
import { judgeOne } from '../reconcile/scan/judgeOne.ts';
import { verificationOf } from './verification.ts';

/** Looks again at every project that differed in the scan, and counts what it finds now: a change that was on its way
 *  to the assets has arrived meanwhile, and is no drift. */
export async function secondLooks(run: Run): Promise<PassEnd> {
  const { job, keeper, limits } = run;
  const verification = verificationOf(run);
  if (verification.lookedTwice === 0) return { kind: 'complete' };
  await keeper.flush();
  if (verification.chunk === 0 && verification.offset === 0) await sleep(run.clock, limits.settleMs, run.signal);
  while (verification.chunk < job.chunks) {
    const entries = await run.gate.pass(1, () => run.chunkOf(verification.chunk));
    while (verification.offset < entries.length) {
      if (isOver(run)) return { kind: 'out-of-time' };
      const some = entries.slice(verification.offset, verification.offset + limits.parallelRepairs);
      const all = await Promise.all(some.map((entry) => lookAgain(run, entry)));
      for (const judged of all) {
        if (judged.verdict.findings.length === 0) verification.settled += 1;
        countJudged(run, judged);
      }
      verification.offset += some.length;
      keeper.changed([]);
    }
    verification.chunk += 1;
    verification.offset = 0;
  }
  return { kind: 'complete' };
}

function lookAgain(run: Run, { projectId }: ToRepair): Promise<Judged> {
  return judgeOne(run, projectId, run.clock.now() - run.limits.graceMs);
}
