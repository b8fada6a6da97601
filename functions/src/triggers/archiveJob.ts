import type { ColdStorage } from '../archive/openPage.ts';
import { dayMs, secondMs } from '../clock.ts';
import * as params from '../config/params.ts';
import { encodeArchiveRequest, retentionJob } from '../events/requestedWork.ts';
import type { IndexArchive } from '../files/completeIndex.ts';
import { deployedFileSettings } from '../files/deployedFiles.ts';
import type { FileSettings } from '../files/fileSettings.ts';
import { errorText } from '../log.ts';
import { eventsPublisher, publisherTo, type Services } from './services.ts';

/** Runs one invocation's worth of a job of the archive; what needs more time continues in the next invocation, which is
 *  asked for here. */
export async function runArchiveJob(services: Services, jobId: string): Promise<void> {
  const budget = {
    deadline: services.clock.now() + params.reconcileBudgetSeconds.value() * secondMs,
    signal: services.stopping(),
  };
  const end = jobId === retentionJob ? await sweepArchive(services, budget) : await runJob(services, jobId, budget);
  if (end === 'continued') await askFor(services, jobId);
}

/** Asks for a sweep of the archive if there is something to sweep; called once per schedule. It is a message of its
 *  own, and what fails here is no reason to reconcile again: the next schedule asks again. */
export async function askForSweep(services: Services): Promise<void> {
  try {
    const { isSweepDue } = await import('../archive/retention/sweep.ts');
    if (await isSweepDue(await sweepDependencies(services))) await askFor(services, retentionJob);
  } catch (error) {
    services.log.error('a sweep of the archive could not be asked for; the next scheduled reconciliation asks again', {
      error: errorText(error),
    });
  }
}

type Budget = Parameters<typeof import('../archive/purge.ts').purge>[2];

async function sweepArchive(services: Services, budget: Budget): Promise<'done' | 'continued'> {
  const { sweep } = await import('../archive/retention/sweep.ts');
  return sweep(await sweepDependencies(services), budget);
}

async function sweepDependencies(services: Services) {
  const { clock, log } = services;
  const coldAfterMs = params.archiveColdDays.value() * dayMs;
  const files = deployedFileSettings(services.config);
  return { firestore: await services.firestore(), clock, log, cold: coldStorage(services), coldAfterMs, files };
}

async function runJob(services: Services, jobId: string, budget: Budget): Promise<'done' | 'continued'> {
  const { clock, log, config } = services;
  const { findArchiveJob, parseArchiveJob } = await import('../archive/jobs/archiveJob.ts');
  const firestore = await services.firestore();
  const stored = await findArchiveJob(firestore, jobId);
  if (stored === undefined) {
    log.error('a request names a job of the archive that does not exist, and is ignored', { jobId });
    return 'done';
  }
  const job = parseArchiveJob(jobId, stored.data());
  // A redelivered request.
  if (job.status === 'done' || job.status === 'failed') return 'done';
  const cold = coldStorage(services);
  const files = deployedFileSettings(config);
  if (job.type === 'purge') {
    const [{ purge }, { createTransact }] = await Promise.all([
      import('../archive/purge.ts'),
      import('../operations/transact.ts'),
    ]);
    const actor = { name: job.initiator, role: 'operator', via: job.via } as const;
    const by = { actor, action: 'purge', reason: job.reason };
    const transact = createTransact({ firestore, clock, publisherTo: publisherTo(services) }, by);
    return purge({ firestore, clock, log, cold, files, transact }, job, budget);
  }
  const [{ restore }, { createProjectTruth }] = await Promise.all([
    import('../archive/restore/restore.ts'),
    import('../source/truth.ts'),
  ]);
  const truth = createProjectTruth(await services.source(), config);
  const events = await eventsPublisher(services);
  return restore({ firestore, clock, log, config, cold, files, truth, events }, job, budget);
}

/** What a walk over all that names files does with the archive. */
export async function archiveIndexer(services: Services, settings: FileSettings): Promise<IndexArchive> {
  const { createIndexArchive } = await import('../archive/indexPages.ts');
  const { config, log } = services;
  return createIndexArchive({
    firestore: await services.firestore(),
    config,
    settings,
    log,
    cold: coldStorage(services),
  });
}

function coldStorage({ bucket }: Services): ColdStorage {
  const name = params.archiveBucket.value();
  return name === '' ? null : () => bucket(name);
}

async function askFor(services: Services, jobId: string): Promise<void> {
  const requests = await services.publisher(params.requestsTopic.value());
  await requests.publish(encodeArchiveRequest(jobId));
}
