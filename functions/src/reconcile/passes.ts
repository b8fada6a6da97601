import { type Brake, judgeOrphans, judgeSource, type OrphansFound } from './brakes.ts';
import { judgedProjectsOf, orphansOf } from './progress.ts';
import { repairPass } from './repairPass.ts';
import { isOver, type PassEnd, type Run } from './runRecord.ts';
import { planScan } from './scan/planScan.ts';
import { scanPass } from './scan/scanPass.ts';

/** The passes of a run, as far as the time allows: plan, scan, and in mode `clean`, if no brake takes hold, repair. */
export async function passes(run: Run): Promise<PassEnd> {
  const { job, request, limits } = run;
  if (job.ranges.length === 0) {
    await planScan(run);
    run.keeper.changed([]);
  }
  if (job.phase === 'scan') {
    const scanned = await scanPass(run);
    if (scanned.kind !== 'complete') return scanned;
    const brake = await judgeScan(run);
    if (brake) return { kind: 'braked', brake };
    if (job.brake !== null || request.mode === 'report') return { kind: 'complete' };
    job.phase = 'repair';
  } else {
    const again = judgeOrphans(scanResult(run), limits.brakes, request.allow ?? {});
    if (again) return { kind: 'braked', brake: again };
  }
  await run.keeper.flush();
  return isOver(run) ? { kind: 'out-of-time' } : repairPass(run);
}

const scanResult = ({ job, request }: Run): OrphansFound => ({
  orphans: orphansOf(job),
  projects: judgedProjectsOf(job),
  complete: true,
  named: request.projectIds !== undefined,
});

/** Between scan and repair: is what was found within limits, and is MongoDB still what it was? */
async function judgeScan(run: Run): Promise<Brake | undefined> {
  const { job, limits, request } = run;
  const allowed = request.allow ?? {};
  const tooMany = judgeOrphans(scanResult(run), limits.brakes, allowed);
  if (tooMany) return tooMany;
  return judgeSource(await run.inMongo.look(), job.source, limits.brakes, { ...allowed, shrink: false, source: false });
}
