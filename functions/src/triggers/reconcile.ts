import { dayMs, minuteMs, secondMs } from '../clock.ts';
import * as params from '../config/params.ts';
import { encodeReconciliationRequest, type ReconcileRequest } from '../events/reconciliationRequest.ts';
import { deployedFileSettings } from '../files/deployedFiles.ts';
import { deployedHoldLimits } from '../holds/limits.ts';
import { defaultReconcileLimits, type ReconcileLimits } from '../reconcile/limits.ts';
import type { ReconcileOutcome } from '../reconcile/run.ts';
import { archiveIndexer } from './archiveJob.ts';
import type { Services } from './services.ts';

/** Runs one invocation's worth of a reconciliation with the services of this process. A run that needs more time
 *  continues in the next invocation, which is asked for here. */
export async function reconcile(services: Services, request: ReconcileRequest): Promise<ReconcileOutcome> {
  const { clock, log, config, uniqueId } = services;
  const [{ runReconciliation }, { verifyPass }, { createProjectTruth }] = await Promise.all([
    import('../reconcile/run.ts'),
    import('../verify/run.ts'),
    import('../source/truth.ts'),
  ]);
  const source = await services.source();
  const settings = deployedFileSettings(config);
  const outcome = await runReconciliation(
    {
      firestore: await services.firestore(),
      source,
      truth: createProjectTruth(source, config),
      applier: (await services.sync()).worker,
      config,
      clock,
      uniqueId,
      log,
      limits: deployedLimits(),
      verify: verifyPass,
      files: settings && {
        settings,
        bucket: () => services.bucket(settings.place.bucket),
        indexArchive: await archiveIndexer(services, settings),
      },
      isShadow: params.syncMode.value() === 'shadow',
    },
    {
      request,
      deadline: clock.now() + params.reconcileBudgetSeconds.value() * secondMs,
      signal: services.stopping(),
    },
  );
  if (outcome.kind === 'continued') {
    await requestReconciliation(services, { ...request, jobId: outcome.report.jobId }, 'continued');
  }
  return outcome;
}

function deployedLimits(): ReconcileLimits {
  const { brakes, ...rest } = defaultReconcileLimits;
  return {
    ...rest,
    graceMs: params.reconcileGraceMinutes.value() * minuteMs,
    jobRetentionMs: params.jobRetentionDays.value() * dayMs,
    historyMs: params.historyDays.value() * dayMs,
    brakes: { ...brakes, deletions: deployedHoldLimits() },
  };
}

/** Asks with a message for an invocation that works on the request; its run resumes kept progress. `why` is for
 *  people. */
export async function requestReconciliation(
  { publisher }: Services,
  request: ReconcileRequest,
  why: 'continued',
): Promise<void> {
  const requests = await publisher(params.requestsTopic.value());
  const { mode, reason, collections, projectIds, phantoms, files, filesOlderThanDays, samples, jobId } = request;
  const continuation = {
    mode,
    reason,
    ...(collections && { collections: [...collections] }),
    ...(projectIds && { projectIds: [...projectIds] }),
    ...(phantoms && { phantoms }),
    ...(files && { files }),
    ...(filesOlderThanDays !== undefined && { filesOlderThanDays }),
    ...(samples !== undefined && { samples }),
    ...(jobId !== undefined && { jobId }),
  };
  await requests.publish(encodeReconciliationRequest(continuation, { reason: why }));
}
