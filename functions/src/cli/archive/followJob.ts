import type { Firestore } from 'firebase-admin/firestore';
import { type ArchiveJob, archiveJobRef, mostListed, parseArchiveJob } from '../../archive/jobs/archiveJob.ts';
import { secondMs } from '../../clock.ts';
import { slept } from '../../waiting.ts';
import { inTime } from '../services.ts';
import type { Terminal } from '../terminal.ts';

/** How often the job is read, in ms: one read each. */
const lookEveryMs = secondMs;

/** Shows the progress of a job until it is over, and what came of it; whether all of it was done. The end of the
 *  command does not end the job. */
export async function followJob(
  firestore: Firestore,
  terminal: Terminal,
  jobId: string,
  json: boolean,
): Promise<boolean> {
  for (;;) {
    const stored = await inTime(terminal, archiveJobRef(firestore, jobId).get());
    const job = parseArchiveJob(jobId, stored.data());
    if (job.status === 'done' || job.status === 'failed') {
      if (json) terminal.print(JSON.stringify(asJson(job)));
      else for (const line of linesOf(job)) terminal.print(line);
      return job.status === 'done' && job.conflicts === 0;
    }
    terminal.progress(`${job.type} ${jobId}: ${job.status}, ${job.processed} of ${job.total ?? '?'} documents`);
    if (!(await slept(terminal.clock, lookEveryMs, terminal.signal))) {
      terminal.warn(`the work goes on as job ${jobId}; the same command shows it again`);
      return false;
    }
  }
}

function linesOf({ type, status, processed, conflicts, errors, dryRun, certificate }: ArchiveJob): string[] {
  if (certificate !== null) {
    const { pages, documents, bytes, objects, paths } = certificate;
    return [
      `${documents} documents purged: ${pages} pages of ${bytes} bytes, ${objects} objects of cold storage`,
      `checksum of the paths: ${paths || 'none'}`,
    ];
  }
  const stays = conflicts === 0 ? '' : `; ${conflicts} stay in the archive`;
  const more = conflicts > mostListed ? [`and ${conflicts - mostListed} more`] : [];
  const did = dryRun ? 'would be restored, nothing was changed' : 'restored';
  const ended = status === 'failed' ? `${type} ended early: ` : '';
  return [`${ended}${processed} documents ${did}${stays}`, ...errors, ...more];
}

function asJson({
  id,
  type,
  status,
  projectId,
  to,
  dryRun,
  total,
  processed,
  conflicts,
  errors,
  certificate,
}: ArchiveJob) {
  const shared = { jobId: id, type, status, projectId };
  return type === 'purge' ? { ...shared, certificate } : { ...shared, to, dryRun, total, processed, conflicts, errors };
}
