import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AssetCollection, Config } from '../config/defineConfig.ts';
import type { EncodedMessage } from './codec.ts';
import { projectIdProblem } from './projectId.ts';

/** Projects that one run may be asked for by id; more are a run over all. */
export const maxProjectIds = 500;

/** Projects that a verification reads whole at most. */
export const maxSamples = 1_000;

export const reconcileModes = ['report', 'clean', 'verify'] as const;
export type ReconcileMode = (typeof reconcileModes)[number];

/** What a message on `reconciliation-requests` may say; everything has a default. Brakes are taken off by people, in
 *  the job that `jobId` names, not by messages. Fields that are not listed here are carried along, not refused. */
export const reconciliationRequestSchema = z.looseObject({
  /** Why it runs: `schedule`, `history-lost`, or who asked. */
  reason: z.string().default('request'),
  /** `report` changes no asset; `clean` repairs what it finds, when no brake takes hold; `verify` changes nothing,
   *  looks twice and reads samples whole. Default: what RECONCILE_MODE says. */
  mode: z.enum(reconcileModes).optional(),
  /** Names of collections; all when missing. */
  collections: z.array(z.string()).optional(),
  /** Project ids; all when missing. */
  projectIds: z.array(z.string()).max(maxProjectIds).optional(),
  /** Also find what lies below documents that do not exist, at one read per document of recursive collections. */
  phantoms: z.boolean().optional(),
  /** Also find files that no asset names, by listing the bucket. */
  files: z.boolean().optional(),
  /** In mode `clean`, has those of them removed that are older; without it they are only reported. */
  filesOlderThanDays: z.number().int().min(1).max(3_650).optional(),
  /** Projects that a verification reads whole, with all their assets, picked at random. */
  samples: z.number().int().min(0).max(maxSamples).optional(),
  /** A job of `syncJobs` that was written with the request: what it says counts, and it is done once. */
  jobId: z.string().min(1).optional(),
});

/** A request as a message holds it. */
export type ReconciliationRequestJson = z.input<typeof reconciliationRequestSchema>;

/** What an operator allows on purpose. */
export interface Allowances {
  /** So many orphans are allowed, whatever the limits say. */
  readonly orphans?: number | undefined;
  /** So many ids that MongoDB does not have and no record names are allowed, whatever the limits say. */
  readonly unknownIds?: number | undefined;
  /** What lies below up to so many missing documents may be removed, whatever the limits say. */
  readonly phantoms?: number | undefined;
  /** Up to so many files that no asset names may be removed, whatever the limits say. */
  readonly files?: number | undefined;
  /** The projects may have become fewer. */
  readonly shrink?: boolean | undefined;
  /** The collection may be another than in the last run. */
  readonly source?: boolean | undefined;
}

/** What a run is to do. */
export interface ReconcileRequest {
  readonly mode: ReconcileMode;
  readonly collections?: readonly string[];
  readonly projectIds?: readonly string[];
  readonly phantoms?: boolean;
  readonly files?: boolean;
  readonly filesOlderThanDays?: number;
  /** Of a verification only. */
  readonly samples?: number;
  readonly allow?: Allowances;
  readonly reason: string;
  /** Who asked: a person's account; missing where Lockstep itself did. */
  readonly actor?: string;
  /** The job that this request is, and no other one. */
  readonly jobId?: string;
}

/** The message of a request; the attributes are for filters and logs. */
export function encodeReconciliationRequest(
  request: ReconciliationRequestJson,
  attributes: Readonly<Record<string, string>>,
): EncodedMessage {
  return { data: Buffer.from(JSON.stringify(request)), attributes };
}

/** Reads the data of a message; an empty one asks for everything. Never throws: no redelivery helps a message that does
 *  not parse. */
export function decodeReconciliationRequest(
  data: Buffer,
  defaultMode: () => ReconcileRequest['mode'],
): { readonly ok: true; readonly request: ReconcileRequest } | { readonly ok: false; readonly reason: string } {
  const json = parseJson(data);
  if (!json.ok) return json;
  const parsed = reconciliationRequestSchema.safeParse(json.value);
  if (!parsed.success) return { ok: false, reason: z.prettifyError(parsed.error) };
  const { reason, mode, collections, projectIds, phantoms, files, filesOlderThanDays, samples, jobId } = parsed.data;
  return {
    ok: true,
    request: {
      mode: mode ?? defaultMode(),
      reason,
      ...(collections && { collections }),
      ...(projectIds && { projectIds }),
      ...(phantoms && { phantoms }),
      ...(files && { files }),
      ...(filesOlderThanDays !== undefined && { filesOlderThanDays }),
      ...(samples !== undefined && { samples }),
      ...(jobId !== undefined && { jobId }),
    },
  };
}

function parseJson(data: Buffer) {
  try {
    const value: unknown = data.length === 0 ? {} : JSON.parse(data.toString('utf8'));
    return { ok: true as const, value };
  } catch (error) {
    return { ok: false as const, reason: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** The request names something unknown. */
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
    throw new ReconcileRequestError(`at most ${maxProjectIds} project ids at once; leave them out to scan all`);
  }
  if (request.phantoms === true && request.projectIds !== undefined) {
    throw new ReconcileRequestError('what lies below missing documents belongs to no project; name no projects');
  }
  if (request.files === true) checkFilesRequest(request, config);
  else if (request.filesOlderThanDays !== undefined) {
    throw new ReconcileRequestError('an age of files says nothing without a look for files that no asset names');
  }
  for (const id of request.projectIds ?? []) {
    const problem = projectIdProblem(id);
    if (problem !== undefined) throw new ReconcileRequestError(`"${id}" is not a project id: ${problem}`);
  }
  return config.collections.filter(({ name }) => request.collections?.includes(name) ?? true);
}

function checkFilesRequest({ collections, projectIds }: ReconcileRequest, config: Config): void {
  if (collections !== undefined || projectIds !== undefined) {
    throw new ReconcileRequestError('a file may be named by any asset; name no collections and no projects');
  }
  if (config.collections.every(({ files }) => files.length === 0)) {
    throw new ReconcileRequestError('no collection of lockstep.config.ts has "files"');
  }
}

/** Requests with the same key do the same work, so that one may resume another. */
export function requestKeyOf(request: ReconcileRequest, config: Config): string {
  const work = {
    layout,
    mode: request.mode,
    collections: collectionsOf(request, config),
    projectIds: request.projectIds?.toSorted() ?? null,
    phantoms: request.phantoms === true,
    ...(request.files === true && { files: request.filesOlderThanDays ?? null }),
    samples: request.samples ?? null,
    jobId: request.jobId ?? null,
    source: config.source,
  };
  return createHash('sha256').update(JSON.stringify(work)).digest('hex').slice(0, keyLength);
}

const keyLength = 16;

/** Layout of what is kept of an unfinished run: one of another layout is not resumed. */
const layout = 6;
