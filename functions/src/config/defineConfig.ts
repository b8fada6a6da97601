import { z } from 'zod';

/** A name of one field, or of a nested one with dots (`meta.projectName`). Firestore refuses `__name__`-like segments:
 *  https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields */
const fieldPath = z
  .string()
  .min(1, { error: 'expected a field path such as "name" or "meta.name"', abort: true })
  .refine((path) => path.split('.').every((segment) => segment.length > 0), 'expected no empty segment between dots')
  .refine(
    (path) => path.split('.').every((segment) => !/^__.*__$/.test(segment)),
    'a segment between double underscores is reserved by Firestore',
  )
  .refine((path) => !path.startsWith('$'), 'a field path does not begin with "$"');

/** A collection path has an odd number of segments: `storyboards`, or `studios/main/storyboards`. */
const collectionPath = z
  .string()
  .min(1)
  .refine(
    (path) => path.split('/').length % 2 === 1,
    'expected the path of a collection (an odd number of segments), not of a document',
  )
  .refine(
    (path) => path.split('/').every((segment) => segment.length > 0),
    'expected no empty segment between slashes',
  );

/** Collections that hold Lockstep's own records: never assets. */
export const recordCollections = {
  relay: 'syncRelay',
  projects: 'syncProjects',
  jobs: 'syncJobs',
  failures: 'syncFailures',
} as const;

const ownCollections: readonly string[] = Object.values(recordCollections);

const assetCollection = z
  .strictObject({
    path: collectionPath.optional(),
    group: z
      .string()
      .min(1)
      .refine((id) => !id.includes('/'), 'expected the id of a collection group, without "/"')
      .optional(),
    projectId: fieldPath,
    copies: z.record(fieldPath, fieldPath).optional(),
    subcollections: z.enum(['recursive', 'none']).optional(),
  })
  .superRefine((collection, context) => {
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
      database: z.string().min(1),
      collection: z.string().min(1),
      fields: z.array(fieldPath).default([]),
      ids: z.array(z.enum(idForms)).min(1).default(['objectId', 'string']),
      actor: fieldPath.default('updatedBy'),
      service: z.string().min(1).default('collaboration-service'),
    }),
    collections: z.array(assetCollection).min(1, 'expected at least one collection'),
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
      const id = collectionIdOf(collection);
      if (ownCollections.includes(id)) {
        context.addIssue({
          code: 'custom',
          path: ['collections', index, collection.path === undefined ? 'group' : 'path'],
          message: `"${id}" holds records of Lockstep and cannot hold assets`,
        });
      }
      const before = config.collections.slice(0, index).find((other) => coverSameAssets(collection, other));
      if (before) {
        context.addIssue({
          code: 'custom',
          path: ['collections', index],
          message: `its assets are already covered by "${before.path ?? before.group}"`,
        });
      }
    });
  });

/** What a user writes in `lockstep.config.ts`. */
export type ConfigInput = z.input<typeof configSchema>;

/** One collection (or collection group) of assets. */
export interface AssetCollection {
  /** Its path or group id: the name under which logs, jobs and reports speak of it. */
  readonly name: string;
  readonly kind: 'path' | 'group';
  /** Field path of the project id. */
  readonly projectId: string;
  /** Field path in the project -> field path in the asset. */
  readonly copies: Readonly<Record<string, string>>;
  /** Whether what lies below an asset is deleted with it. */
  readonly recursive: boolean;
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

/** Checks and completes a configuration.
 *  @throws ConfigError that names the path of every mistake, such as `collections[1].copies.name: expected string`. */
export function defineConfig(input: ConfigInput): Config {
  const result = configSchema.safeParse(input);
  if (!result.success) throw new ConfigError(result.error.issues.map(describeIssue));
  const { source, collections } = result.data;
  return {
    source,
    collections: collections.map((collection) => ({
      name: collection.path ?? collection.group ?? '',
      kind: collection.path === undefined ? 'group' : 'path',
      projectId: collection.projectId,
      copies: collection.copies ?? {},
      recursive: collection.subcollections === 'recursive',
    })),
  };
}

/** The last segment of a collection's path, or the group's id. */
function collectionIdOf(collection: { path?: string | undefined; group?: string | undefined }): string {
  return collection.group ?? collection.path?.split('/').at(-1) ?? '';
}

/** A group covers every collection of that id, so a path to one of them would be worked on twice. */
function coverSameAssets(a: z.infer<typeof assetCollection>, b: z.infer<typeof assetCollection>): boolean {
  if (a.group === undefined && b.group === undefined) return a.path === b.path;
  return collectionIdOf(a) === collectionIdOf(b);
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
