import { z } from 'zod';
import { documentEventKinds } from '../servers/firestore/triggers/documentEvent.ts';

/** What runs a function: a topic, a change of a document, a schedule, or an HTTP request. */
const triggerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pubsub'), topic: z.string().min(1), retry: z.boolean() }),
  z.object({
    kind: z.literal('firestore'),
    event: z.enum(documentEventKinds),
    /** Its id, such as `(default)`. */
    database: z.string().min(1),
    /** Path with `{wildcards}`. */
    document: z.string().min(1),
    retry: z.boolean(),
  }),
  z.object({
    kind: z.literal('schedule'),
    schedule: z.string().min(1),
    timeZone: z.string().optional(),
    retry: z.object({
      count: z.number(),
      minBackoffSeconds: z.number(),
      maxBackoffSeconds: z.number(),
      maxDoublings: z.number(),
      /** Retries go on for at least this long, whatever `count` says; 0: no such limit. */
      maxRetrySeconds: z.number(),
    }),
  }),
  z.object({ kind: z.literal('https') }),
]);

const functionSchema = z.object({
  /** Its name as deployed: groups of exports are joined by `-`. */
  name: z.string(),
  trigger: triggerSchema,
  timeoutSeconds: z.number().positive(),
  /** A process that needs more is ended, in MiB. */
  memoryMiB: z.number().positive(),
  /** How many requests one instance serves at a time. */
  concurrency: z.number().int().positive(),
  /** How many instances there may be; undefined: the platform decides. */
  maxInstances: z.number().int().positive().optional(),
  /** Names of secrets that it reads from its environment. */
  secrets: z.array(z.string()),
});

export const manifestSchema = z.object({
  functions: z.array(functionSchema),
  /** Exports with a trigger that this runtime cannot run, and which. */
  unsupported: z.array(z.object({ name: z.string(), trigger: z.string() })),
  /** Parameters of the bundle with their values as environment variables: given ones, else their defaults. */
  params: z.record(z.string(), z.string()),
  /** Names of the declared secrets. */
  secrets: z.array(z.string()),
  /** Parameters that have neither a value nor a default, secrets among them. */
  missing: z.array(z.string()),
});

export type Trigger = z.infer<typeof triggerSchema>;
export type FunctionSpec = z.infer<typeof functionSchema>;
/** What a bundle exports, with every parameter resolved. */
export type Manifest = z.infer<typeof manifestSchema>;

/** What a child process reports to its supervisor. */
export const childMessageSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('manifest'), manifest: manifestSchema }),
  z.object({ kind: z.literal('listening'), port: z.number() }),
]);

export type ChildMessage = z.infer<typeof childMessageSchema>;
