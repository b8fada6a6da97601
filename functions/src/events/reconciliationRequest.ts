import { createHash } from 'node:crypto';
import type { AssetCollection, Config } from '../config/defineConfig.ts';
import type { Allowances } from '../reconcile/brakes.ts';
import { projectIdProblem } from './projectId.ts';

/** What a run is to do. */
export interface ReconcileRequest {
  /** `report` changes no asset; `clean` mends what it finds, when no brake takes hold. */
  readonly mode: 'report' | 'clean';
  /** Names of collections; all when missing. */
  readonly collections?: readonly string[];
  /** Project ids; all when missing. */
  readonly projectIds?: readonly string[];
  /** What an operator allows on purpose. */
  readonly allow?: Allowances;
  /** Why it runs: `schedule`, `history-lost`, or who asked. */
  readonly reason: string;
}

/** Projects that one run may be asked for by id; more are a run over all. */
export const maxProjectIds = 500;

/** The request asks for what there is not. */
export class ReconcileRequestError extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'ReconcileRequestError';
  }
}

/** The collections that a request is about.
 *  @throws ReconcileRequestError for a collection that is not configured, or an id that no project can have. */
export function collectionsOf(request: ReconcileRequest, config: Config): AssetCollection[] {
  const known = config.collections.map(({ name }) => name);
  const unknown = request.collections?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ReconcileRequestError(`"${unknown}" is not in lockstep.config.ts; there are: ${known.join(', ')}`);
  }
  if ((request.projectIds?.length ?? 0) > maxProjectIds) {
    throw new ReconcileRequestError(`at most ${maxProjectIds} project ids at once; leave them out to go over all`);
  }
  for (const id of request.projectIds ?? []) {
    const problem = projectIdProblem(id);
    if (problem !== undefined) throw new ReconcileRequestError(`"${id}" is not a project id: ${problem}`);
  }
  return config.collections.filter(({ name }) => request.collections?.includes(name) ?? true);
}

/** Requests with the same key do the same work, so that one may go on where another ended. */
export function requestKeyOf(request: ReconcileRequest, config: Config): string {
  const work = {
    mode: request.mode,
    collections: collectionsOf(request, config),
    projectIds: request.projectIds?.toSorted() ?? null,
    source: config.source,
  };
  return createHash('sha256').update(JSON.stringify(work)).digest('hex').slice(0, keyLength);
}

const keyLength = 16;
