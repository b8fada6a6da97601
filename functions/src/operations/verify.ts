import { z } from 'zod';
import {
  collectionsOf,
  maxSamples,
  type ReconcileRequest,
  ReconcileRequestError,
} from '../events/reconciliationRequest.ts';
import { defaultSamples } from '../verify/run.ts';
import { defineOperation, type OperationContext, OperationRefusedError } from './operation.ts';
import { projectIdsInput } from './projectIds.ts';
import { askForRun } from './reconcile.ts';

const input = z.strictObject({
  /** Names of collections; all when missing. */
  collections: z.array(z.string()).min(1).optional(),
  /** All when missing. */
  projectIds: projectIdsInput.optional(),
  /** Projects that are read whole, with all their assets. */
  samples: z.number().int().min(0).max(maxSamples).optional(),
});

type Input = z.output<typeof input>;

/** Has a verification done by `reconcileOnRequest`. */
export const verify = defineOperation({
  name: 'verify',
  role: 'operator',
  changes: true,
  summary: 'Compares assets and projects: counts, checksums per collection, whole samples. Changes no asset.',
  input,
  async preview(context, given) {
    const { collections, projectIds, samples } = requestFrom(context, given);
    return {
      count: 0,
      what: 'projects; a verification changes no asset',
      details: [
        { name: 'projects', value: projectIds?.length ?? 'all' },
        { name: 'collections', value: collections?.join(', ') ?? 'all' },
        { name: 'projects read whole', value: samples ?? defaultSamples },
      ],
    };
  },
  act: (context, given) => askForRun(context, requestFrom(context, given), 'publish'),
});

function requestFrom({ actor, reason, config }: OperationContext, given: Input): ReconcileRequest {
  const { collections, projectIds, samples } = given;
  const request: ReconcileRequest = {
    mode: 'verify',
    reason,
    actor: actor.name,
    samples: samples ?? defaultSamples,
    ...(collections && { collections: [...new Set(collections)] }),
    ...(projectIds && { projectIds: [...new Set(projectIds)] }),
  };
  try {
    collectionsOf(request, config);
  } catch (error) {
    if (!(error instanceof ReconcileRequestError)) throw error;
    throw new OperationRefusedError(error.message, 'input.collections');
  }
  return request;
}
