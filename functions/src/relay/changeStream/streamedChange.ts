import { Timestamp } from 'mongodb';
import { z } from 'zod';
import { secondMs } from '../../clock.ts';
import type { ClusterTime } from '../../events/version.ts';
import type { ChangeDetail } from './pipeline.ts';

const stamped = {
  /** The resume token of this change. */
  _id: z.unknown(),
  clusterTime: z.instanceof(Timestamp),
  /** From MongoDB 6.0 on. */
  wallTime: z.date().optional(),
};

/** Absent where the server has none, or where the projection left nothing of it. */
const document = z.unknown().optional();

const key = { documentKey: z.object({ _id: z.unknown() }) };

/** A change of one project as it leaves the server-side pipeline (see `pipeline.ts`). Documents are passed on as they
 *  are. */
export const projectChangeSchema = z.discriminatedUnion('operationType', [
  z.object({ ...stamped, ...key, operationType: z.literal(['insert', 'replace']), fullDocument: document }),
  z.object({
    ...stamped,
    ...key,
    operationType: z.literal('update'),
    updated: z.array(z.object({ k: z.string(), v: z.unknown() })),
    removed: z.array(z.string()).nullish(),
    truncated: z.array(z.string()).nullish(),
    /** Path -> its true segments, for paths that could be read in two ways (a number as a name, a dot inside a name).
     *  From MongoDB 8.2 on. */
    disambiguated: z.record(z.string(), z.unknown()).nullish(),
    /** The document right after this very change; only where the collection keeps post-images. */
    fullDocument: document,
  }),
  z.object({ ...stamped, ...key, operationType: z.literal('delete'), fullDocumentBeforeChange: document }),
]);

/** A change of one project. */
export type ProjectChange = z.output<typeof projectChangeSchema>;

const endingChangeSchema = z.object({
  ...stamped,
  operationType: z.literal(['drop', 'rename', 'dropDatabase', 'invalidate']),
});

/** The end of the collection under its name. */
export type EndingChange = z.output<typeof endingChangeSchema>;

/** A change of which only the key travelled. */
const keyChangeSchema = z.object({
  ...stamped,
  ...key,
  operationType: z.literal(['insert', 'replace', 'update', 'delete']),
});

export type KeyChange = z.output<typeof keyChangeSchema>;

/** A change as it was read. */
export type ReadChange =
  | { readonly kind: 'full'; readonly change: ProjectChange }
  | { readonly kind: 'key'; readonly change: KeyChange }
  /** The collection ended. */
  | { readonly kind: 'ending'; readonly change: EndingChange }
  | { readonly kind: 'unreadable'; readonly error: unknown };

/** Reads a change that travelled with so much of it. */
export function readChange(raw: unknown, detail: ChangeDetail): ReadChange {
  const ending = endingChangeSchema.safeParse(raw);
  if (ending.success) return { kind: 'ending', change: ending.data };
  if (detail === 'key') {
    const parsed = keyChangeSchema.safeParse(raw);
    return parsed.success ? { kind: 'key', change: parsed.data } : { kind: 'unreadable', error: parsed.error };
  }
  const parsed = projectChangeSchema.safeParse(raw);
  return parsed.success ? { kind: 'full', change: parsed.data } : { kind: 'unreadable', error: parsed.error };
}

/** The cluster time of a change. */
export function clusterTimeOf(timestamp: Timestamp): ClusterTime {
  return { seconds: timestamp.t, increment: timestamp.i };
}

/** When MongoDB committed a change, in ms since 1970: its wall time, or else its cluster time, which has whole
 *  seconds. */
export function committedAt(change: { readonly wallTime?: Date | undefined; readonly clusterTime: Timestamp }): number {
  return change.wallTime?.getTime() ?? change.clusterTime.t * secondMs;
}
