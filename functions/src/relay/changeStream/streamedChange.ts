import { Timestamp } from 'mongodb';
import { z } from 'zod';
import type { ClusterTime } from '../../events/version.ts';

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

/** A change as it leaves the server-side pipeline (see `pipeline.ts`). Documents are passed on as they are. */
export const streamedChangeSchema = z.discriminatedUnion('operationType', [
  z.object({ ...stamped, ...key, operationType: z.literal(['insert', 'replace']), fullDocument: document }),
  z.object({
    ...stamped,
    ...key,
    operationType: z.literal('update'),
    updated: z.array(z.object({ k: z.string(), v: z.unknown() })),
    removed: z.array(z.string()).nullish(),
    truncated: z.array(z.string()).nullish(),
    /** Path -> its true segments, for paths that could be read in two ways (a number as a name, a dot inside a name). From MongoDB 8.2 on. */
    disambiguated: z.record(z.string(), z.unknown()).nullish(),
    /** The document right after this very change; only where the collection keeps post-images. */
    fullDocument: document,
  }),
  z.object({ ...stamped, ...key, operationType: z.literal('delete'), fullDocumentBeforeChange: document }),
  z.object({ ...stamped, operationType: z.literal(['drop', 'rename', 'dropDatabase', 'invalidate']) }),
]);

export type StreamedChange = z.output<typeof streamedChangeSchema>;

/** A change of one project. */
export type ProjectChange = Extract<StreamedChange, { operationType: 'insert' | 'replace' | 'update' | 'delete' }>;

/** The cluster time of a change. */
export function clusterTimeOf(timestamp: Timestamp): ClusterTime {
  return { seconds: timestamp.t, increment: timestamp.i };
}

/** When MongoDB committed a change, in ms since 1970: its wall time, or else its cluster time, which has whole seconds. */
export function committedAt(change: { readonly wallTime?: Date | undefined; readonly clusterTime: Timestamp }): number {
  const millisecondsPerSecond = 1000;
  return change.wallTime?.getTime() ?? change.clusterTime.t * millisecondsPerSecond;
}
