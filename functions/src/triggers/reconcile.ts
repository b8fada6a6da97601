import { dayMs, minuteMs, secondMs } from '../clock.ts';
import * as params from '../config/params.ts';
import { encodeReconciliationRequest, type ReconcileRequest } from '../events/reconciliationRequest.ts';
import { deployedHoldLimits } from '../holds/limits.ts';
import { defaultReconcileLimits, type ReconcileLimits } from '../reconcile/limits.ts';
import type { ReconcileOutcome } from '../reconcile/run.ts';
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
  { mode, reason, collections, projectIds, phantoms, samples, jobId }: ReconcileRequest,
  why: 'continued',
): Promise<void> {
  const requests = await publisher(params.requestsTopic.value());
  const request = {
    mode,
    reason,
    ...(collections && { collections: [...collections] }),
    ...(projectIds && { projectIds: [...projectIds] }),
    ...(phantoms && { phantoms }),
    ...(samples !== undefined && { samples }),
    ...(jobId !== undefined && { jobId }),
  };
  await requests.publish(encodeReconciliationRequest(request, { reason: why }));
}
