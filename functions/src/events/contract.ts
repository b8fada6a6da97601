import { z } from 'zod';
import { copyValueSchema } from './copyValue.ts';
import { projectIdSchema } from './projectId.ts';
import { isVersion, type Version } from './version.ts';

/** Version of the contract that this code writes, and the only one it reads. */
export const specversion = 1;

export const eventTypes = ['ProjectCreated', 'ProjectUpdated', 'ProjectDeleted'] as const;
export type EventType = (typeof eventTypes)[number];

const version = z.string().refine((text) => isVersion(text), 'expected 20 hex digits in lower case');

/** One change of one project, as it travels in the data of a Pub/Sub message (JSON).
 *  Any service may publish such messages. Fields that are not listed here are carried along, not refused. */
export const projectEventSchema = z
  .looseObject({
    specversion: z.literal(specversion),
    /** Project id, a colon, version: the same change always has the same id. */
    id: z.string(),
    type: z.enum(eventTypes),
    /** The string form of the project's `_id`. */
    projectId: projectIdSchema,
    version,
    /** When MongoDB committed the change. */
    occurredAt: z.iso.datetime({ offset: true }),
    /** Field path in the project -> its new value; null for a field that was removed. Empty for a deletion. */
    changes: z.record(z.string().min(1), copyValueSchema).default({}),
    origin: z.looseObject({
      service: z.string(),
      actor: z.string().optional(),
      channel: z.string(),
    }),
  })
  .refine((event) => event.id === eventId(event.projectId, event.version), {
    path: ['id'],
    message: 'expected the project id, a colon and the version',
  });

/** A parsed event. */
export type ProjectEvent = z.output<typeof projectEventSchema>;

/** An event as JSON text holds it. */
export type ProjectEventJson = z.input<typeof projectEventSchema>;

/** The id of the change of a project at a version. */
export function eventId(projectId: string, at: Version): string {
  return `${projectId}:${at}`;
}

/** The contract as JSON Schema (draft 2020-12), for producers in other languages. */
export function eventJsonSchema(): unknown {
  return z.toJSONSchema(projectEventSchema, { io: 'input', unrepresentable: 'any' });
}
