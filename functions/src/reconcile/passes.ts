import { countDeletions } from '../holds/judge.ts';
import { deletionsAllowed } from '../holds/limits.ts';
import { type Brake, deletionPolicy, judgeOrphans, judgeSource } from './brakes.ts';
import { findPhantoms } from './phantoms/findPhantoms.ts';
import { removePhantoms } from './phantoms/removePhantoms.ts';
import { orphansOf } from './progress.ts';
import { countRecentOrphans } from './recentOrphans.ts';
import { repairPass } from './repairPass.ts';
import { isOver, type PassEnd, type Run } from './runRecord.ts';
import { readsToCount } from './scan/assetIndex.ts';
import { planScan } from './scan/planScan.ts';
import { scanPass } from './scan/scanPass.ts';
import { findUnnamedFiles, removeUnnamedFiles } from './unnamedFiles.ts';

/** The passes of a run, as far as the time allows: plan, scan, and in mode `clean`, if no brake takes hold, repair. */
export async function passes(run: Run): Promise<PassEnd> {
  const { job, request } = run;
  if (job.ranges.length === 0) {
    await planScan(run);
    run.keeper.changed([]);
  }
  if (job.phase === 'scan') {
    const scanned = await scanPass(run);
    if (scanned.kind !== 'complete') return scanned;
    const phantoms = request.phantoms === true ? await findPhantoms(run) : scanned;
    if (phantoms.kind !== 'complete') return phantoms;
    const files = request.files === true ? await findUnnamedFiles(run) : phantoms;
    if (files.kind !== 'complete') return files;
    const verified = request.mode === 'verify' ? await verify(run) : files;
    if (verified.kind !== 'complete') return verified;
    await countOthers(run);
    const brake = judgeScan(run) ?? (await judgeSourceAgain(run));
    if (brake) return { kind: 'braked', brake };
    if (job.brake !== null || request.mode !== 'clean') return { kind: 'complete' };
    reportLeftAlone(run);
    if (run.isShadow === true) {
      job.isShadow = true;
      return { kind: 'complete' };
    }
    job.phase = 'repair';
  } else {
    // A person may have allowed less than the invocation before.
    const brake = judgeScan(run);
    if (brake) return { kind: 'braked', brake };
  }
  await run.keeper.flush();
  if (isOver(run)) return { kind: 'out-of-time' };
  const repaired = await repairPass(run);
  if (repaired.kind !== 'complete') return repaired;
  const removed = await removePhantoms(run);
  return removed.kind === 'complete' ? removeUnnamedFiles(run) : removed;
}

function verify(run: Run): Promise<PassEnd> {
  if (run.verify === undefined) throw new Error('mode verify was asked for, and nothing here can verify');
  return run.verify(run);
}

/** What the findings are judged by: the unknown ids that are allowed, and deletions that became known within the
 *  window. */
async function countOthers(run: Run): Promise<void> {
  const { job, limits, request } = run;
  const policy = deletionPolicy(limits.brakes);
  const unknown = job.findings['unknown-id'];
  job.unknownAllowed = request.allow?.unknownIds ?? deletionsAllowed(policy, projectsOf(run) + unknown);
  if (job.phantoms !== null) {
    job.phantoms.allowed = request.allow?.phantoms ?? deletionsAllowed(policy, job.phantoms.children);
  }
  if (job.files !== null) job.files.allowed = request.allow?.files ?? deletionsAllowed(policy, job.files.listed);
  job.recentDeletions = 0;
  if (orphansOf(job) === 0) return;
  const now = run.clock.now();
  // One more than this is too many, however many there are.
  const orphans = countRecentOrphans(run);
  const atMost = deletionsAllowed(policy, projectsOf(run)) * 2 + orphans;
  const known = await run.gate.pass(1, () =>
    countDeletions(run.firestore, { from: now - policy.windowMs, to: now }, Math.max(1, atMost)),
  );
  job.recordReads += readsToCount(known);
  job.recentDeletions = Math.max(0, known - orphans);
}

/** The projects among which orphans were found. Of projects that somebody has named, all may well be orphans, however
 *  few they are: those count among all that MongoDB has. */
function projectsOf({ job, request }: Run): number {
  return request.projectIds === undefined ? job.judged : job.source.projects + orphansOf(job);
}

/** Between scan and repair: is what was found within limits? */
function judgeScan(run: Run): Brake | undefined {
  const { job, limits, request } = run;
  const found = {
    orphans: orphansOf(job),
    recent: job.recentDeletions ?? 0,
    projects: projectsOf(run),
    complete: true,
  };
  return judgeOrphans(found, limits.brakes, request.allow ?? {});
}

/** Whether MongoDB is still what it was when the run began. */
async function judgeSourceAgain({ job, limits, request, inMongo }: Run): Promise<Brake | undefined> {
  const allowed = { ...request.allow, shrink: false, source: false };
  return judgeSource(await inMongo.look(), job.source, limits.brakes, allowed);
}

/** Any client can write ids that never existed, and delete documents that have others below them. Too many of them stop
 *  nobody but themselves. */
function reportLeftAlone({ job, log }: Run): void {
  const { findings, unknownAllowed, phantoms, files } = job;
  const classes = [
    {
      brake: 'too-many-unknown-ids',
      found: findings['unknown-id'],
      allowed: unknownAllowed,
      flag: '--allow-unknown-ids',
    },
    { brake: 'too-many-phantoms', found: findings.phantom, allowed: phantoms?.allowed, flag: '--allow-phantoms' },
    { brake: 'too-many-unnamed-files', found: files?.old ?? 0, allowed: files?.allowed, flag: '--allow-files' },
  ];
  for (const { brake, found, allowed, flag } of classes) {
    if (found <= (allowed ?? 0)) continue;
    const goOn = `if they are to go, run with ${flag} ${found}`;
    log.alarm('brake', 'findings of one kind are left alone, there are too many', {
      jobId: job.id,
      brake,
      found,
      allowed,
      goOn,
    });
  }
}
