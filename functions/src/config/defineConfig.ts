import { z } from 'zod';
import { dayMs } from '../clock.ts';
import { type AlertsConfig, alertsSchema } from './alertsConfig.ts';
import {
  collectionPath,
  fieldPath,
  fileField,
  groupId,
  mongoCollection,
  mongoDatabase,
  plainText,
  sourceField,
} from './names.ts';
import { coverSameAssets, type Place, placeOf } from './place.ts';
import { type PrivateNetwork, privateNetworkSchema } from './privateNetwork.ts';
import { type TargetsConfig, targetsSchema } from './targetsConfig.ts';
import { isWatched, watchName, watchProblem } from './watched.ts';

/** Collections that hold Lockstep's own records: never assets. */
export const recordCollections = {
  relay: 'syncRelay',
  projects: 'syncProjects',
  jobs: 'syncJobs',
  failures: 'syncFailures',
  audit: 'syncAudit',
  control: 'syncControl',
  outbox: 'syncOutbox',
  measures: 'syncMeasures',
  alerts: 'syncAlerts',
  events: 'syncEvents',
  archive: 'syncArchive',
  files: 'syncFiles',
} as const;

/** With the one below `syncJobs` that keeps findings. */
const ownCollections: readonly string[] = [...Object.values(recordCollections), 'syncJobFindings'];

const assetCollection = z
  .strictObject({
    path: collectionPath.optional(),
    group: groupId.optional(),
    projectId: fieldPath,
    copies: z.record(fieldPath, fieldPath).optional(),
    subcollections: z.enum(['recursive', 'none']).optional(),
    onDelete: z.enum(['delete', 'archive']).default('delete'),
    retention: z.strictObject({ days: z.number().int().min(1).max(3_650) }).optional(),
    files: z
      .array(fileField)
      .refine((paths) => new Set(paths).size === paths.length, 'expected each field once')
      .default([]),
    guard: z.boolean().default(false),
    consistency: z.enum(['eventual', 'hideDeleted']).default('eventual'),
  })
  .superRefine((collection, context) => {
    if (collection.retention !== undefined && collection.onDelete !== 'archive') {
      context.addIssue({ code: 'custom', path: ['retention'], message: 'only what is archived has a retention' });
    }
    if ((collection.path === undefined) === (collection.group === undefined)) {
      context.addIssue({ code: 'custom', path: [], message: 'expected either "path" or "group", and not both' });
    }
    const targets = [collection.projectId, ...Object.values(collection.copies ?? {})];
    targets.forEach((target, index) => {
      const clash = targets.slice(0, index).find((other) => overlaps(target, other));
      if (clash !== undefined) {
        context.addIssue({
          code: 'custom',
          path: ['copies'],
          message: `"${target}" and "${clash}" would be written over each other`,
        });
      }
    });
  });

/** Forms of ids that projects may have in MongoDB. A reconciliation changes nothing while there is a project whose id
 *  has none of the configured ones. */
export const idForms = ['objectId', 'string', 'uuid', 'integer'] as const;
export type IdForm = (typeof idForms)[number];

const configSchema = z
  .strictObject({
    source: z.strictObject({
      database: mongoDatabase,
      collection: mongoCollection,
      fields: z.array(sourceField).default([]),
      ids: z
        .array(z.enum(idForms))
        .min(1)
        .refine((ids) => new Set(ids).size === ids.length, 'expected each form once')
        .default(['objectId', 'string']),
      actor: sourceField.default('updatedBy'),
      service: plainText.default('collaboration-service'),
    }),
    collections: z.array(assetCollection).min(1, 'expected at least one collection'),
    converged: z.boolean().default(false),
    privateNetwork: privateNetworkSchema.optional(),
    targets: targetsSchema.prefault({}),
    alerts: alertsSchema.prefault({}),
  })
  .superRefine((config, context) => {
    config.source.fields.forEach((field, index) => {
      const clash = config.source.fields.slice(0, index).find((other) => overlaps(field, other));
      if (clash !== undefined) {
        context.addIssue({
          code: 'custom',
          path: ['source', 'fields', index],
          message: `"${field}" is already covered by "${clash}"`,
        });
      }
    });
    config.collections.forEach((collection, index) => {
      for (const source of Object.keys(collection.copies ?? {})) {
        if (!config.source.fields.includes(source)) {
          context.addIssue({
            code: 'custom',
            path: ['collections', index, 'copies', source],
            message: `"${source}" is not in source.fields (${config.source.fields.join(', ') || 'empty'})`,
          });
        }
      }
      const place = placeOf(collection);
      const own = place.name.split('/').find((segment, at) => at % 2 === 0 && ownCollections.includes(segment));
      if (own !== undefined) {
        context.addIssue({
          code: 'custom',
          path: ['collections', index, place.kind === 'group' ? 'group' : 'path'],
          message: `"${own}" holds records of Lockstep and cannot hold assets`,
        });
      }
      const unwatchable = isWatched(collection) ? watchProblem(place) : undefined;
      const namesake = config.collections
        .slice(0, index)
        .find(
          (other) => isWatched(other) && watchName(placeOf(other)).toLowerCase() === watchName(place).toLowerCase(),
        );
      const problem =
        unwatchable ??
        (isWatched(collection) && namesake
          ? `its function would be named like that of "${placeOf(namesake).name}"`
          : undefined);
      if (problem !== undefined) {
        context.addIssue({
          code: 'custom',
          path: ['collections', index, collection.guard ? 'guard' : 'files'],
          message: problem,
        });
      }
      const before = config.collections
        .slice(0, index)
        .map(placeOf)
        .find((other) => coverSameAssets(place, other));
      if (before) {
        context.addIssue({
          code: 'custom',
          path: ['collections', index],
          message: `its assets are already covered by "${before.name}"`,
        });
      }
    });
  });

/** What a user writes in `lockstep.config.ts`. */
export type ConfigInput = z.input<typeof configSchema>;

/** One collection (or collection group, or pattern of paths) of assets; by its `name` logs, jobs and reports speak of
 *  it. */
export interface AssetCollection extends Place {
  /** Field path of the project id. */
  readonly projectId: string;
  /** Field path in the project -> field path in the asset. */
  readonly copies: Readonly<Record<string, string>>;
  /** Whether what lies below an asset is deleted with it. */
  readonly recursive: boolean;
  /** How long a deleted asset can be restored, in ms; null: it is not archived. */
  readonly retentionMs: number | null;
  /** Fields that name files in Storage: `imageUrl`, `panels[].image`. */
  readonly files: readonly string[];
  /** Whether each write is checked for whether it came after its project's deletion. */
  readonly guard: boolean;
  /** Whether rules refuse reads of the assets of a deleted project that are not deleted yet. */
  readonly hideDeleted: boolean;
}

/** The checked configuration, as the rest of the code uses it. */
export interface Config {
  readonly source: {
    readonly database: string;
    readonly collection: string;
    readonly fields: readonly string[];
    readonly ids: readonly IdForm[];
    /** Field path in the project of who changed it last; goes into `origin.actor`. */
    readonly actor: string;
    /** Name of the service that owns the projects; goes into `origin.service`. */
    readonly service: string;
  };
  readonly collections: readonly AssetCollection[];
  /** Whether others are notified when the assets of a project show a state. */
  readonly converged: boolean;
  /** Undefined: MongoDB is reached over the internet. */
  readonly privateNetwork?: PrivateNetwork | undefined;
  readonly targets: TargetsConfig;
  readonly alerts: AlertsConfig;
}

/** A mistake in the configuration: every problem found, each with its path. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`lockstep.config.ts is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

const defaultRetentionDays = 30;

/** Checks and completes a configuration.
 *  @throws ConfigError that names the path of every mistake, such as `collections[1].copies.name: expected string`. */
export function defineConfig(input: ConfigInput): Config {
  const result = configSchema.safeParse(input);
  if (!result.success) throw new ConfigError(result.error.issues.map(describeIssue));
  const { source, collections, converged, privateNetwork, targets, alerts } = result.data;
  return {
    source,
    converged,
    privateNetwork,
    targets,
    alerts,
    collections: collections.map((collection) => ({
      ...placeOf(collection),
      projectId: collection.projectId,
      copies: collection.copies ?? {},
      recursive: collection.subcollections === 'recursive',
      retentionMs:
        collection.onDelete === 'archive' ? (collection.retention?.days ?? defaultRetentionDays) * dayMs : null,
      files: collection.files,
      guard: collection.guard,
      hideDeleted: collection.consistency === 'hideDeleted',
    })),
  };
}

/** Whether two field paths are the same or one lies inside the other. */
function overlaps(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}

/** `collections[1].copies.name: expected string` from zod's path and message. */
function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  const message = issue.message.replace(/^Invalid input: /, '');
  return `${path.replace(/^\./, '') || 'configuration'}: ${message}`;
}
