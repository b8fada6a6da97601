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

/** What is published once the assets of a project show a state: the data of a message on the topic of converged
 *  projects (JSON), at least once for the newest state, and in any order. */
export const projectConvergedSchema = z.looseObject({
  specversion: z.literal(specversion),
  /** Project id, `recordedSince` and revision with colons between them: the same state always has the same id. */
  id: z.string(),
  type: z.literal('ProjectConverged'),
  projectId: projectIdSchema,
  /** Of the newest change that the assets show. It orders no states: where MongoDB was set back, it goes back, too. */
  version,
  /** Since when there has been a record of the project, to the microsecond; compares as text. A tombstone that expired
   *  begins a newer one. */
  recordedSince: z.iso.datetime({ precision: 6 }),
  /** Grows with every state in a record. */
  revision: z.number().int().min(0),
  /** `deleted`: the assets are gone. */
  kind: z.enum(['live', 'deleted']),
  /** Configured field of the project -> the value that assets show, as far as it is known. Empty after a deletion. */
  fields: z.record(z.string().min(1), copyValueSchema),
  /** Assets that the work has updated or deleted; null where the message is a repetition. */
  changed: z.number().int().min(0).nullable(),
  convergedAt: z.iso.datetime({ offset: true }),
});

/** A parsed message about a converged project. */
export type ProjectConverged = z.output<typeof projectConvergedSchema>;

/** A place in the order of the states of one project. */
export type StateOrder = Pick<ProjectConverged, 'recordedSince' | 'revision'>;

/** Whether state `a` of a project is older than its state `b`. A reader that ignores older ones, and applies the same
 *  one again without harm, ends with the newest, whatever arrives when. */
export function isOlderState(a: StateOrder, b: StateOrder): boolean {
  return a.recordedSince === b.recordedSince ? a.revision < b.revision : a.recordedSince < b.recordedSince;
}
