import { type DocumentReference, type Firestore, Timestamp } from 'firebase-admin/firestore';
import { z } from 'zod';
import { dayMs, hourMs, minuteMs } from '../clock.ts';
import { recordCollections } from '../config/defineConfig.ts';
import { type Measure, measureSchema } from './measure.ts';

/** Version of the layout of the records; a record of a newer layout is refused, never guessed at. */
const measureSchemaVersion = 1;

/** What a document of `syncMeasures` covers. A minute holds what was measured in it. An hour holds its minutes, and a
 *  day its hours, so that a plot of a month reads 31 documents and not 43,200. */
export const spans = {
  minute: { ms: minuteMs, idLength: 16, retentionMs: 30 * dayMs },
  hour: { ms: hourMs, idLength: 13, retentionMs: 30 * dayMs },
  // A month's plot has 31 days, the first of them in part.
  day: { ms: dayMs, idLength: 10, retentionMs: 60 * dayMs },
} as const;
export type Span = keyof typeof spans;

/** Id of the document that covers a time: `2026-11-27T12:34Z`, `2026-11-27T12Z`, `2026-11-27Z`. Ids of one span sort by
 *  time. */
export function measureId(span: Span, at: number): string {
  return `${new Date(at).toISOString().slice(0, spans[span].idLength)}Z`;
}

/** Beginning of the span that a time lies in, in ms since 1970, UTC. */
export function startOf(span: Span, at: number): number {
  return Math.floor(at / spans[span].ms) * spans[span].ms;
}

/** Where the measures of a time are kept. */
export function measureRef(firestore: Firestore, span: Span, at: number): DocumentReference {
  return firestore.collection(recordCollections.measures).doc(measureId(span, at));
}

/** A record of measures that cannot be understood: written by hand, damaged, or of a newer version of Lockstep. */
export class MeasureRecordError extends Error {
  constructor(path: string, problem: string) {
    super(`the record ${path} cannot be read (${problem}). Remove it: what it measured is then shown as a gap.`);
    this.name = 'MeasureRecordError';
  }
}

const minuteSchema = z.object({ schemaVersion: z.literal(measureSchemaVersion), measure: measureSchema });
const rollupSchema = z.object({
  schemaVersion: z.literal(measureSchemaVersion),
  /** `34` of an hour's minutes, `12` of a day's hours; what was not measured is missing. */
  parts: z.record(z.string(), measureSchema),
});

/** The parts of an hour or a day that were measured, by their beginning in ms since 1970. */
export type Parts = ReadonlyMap<number, Measure>;

/** Reads the document of a minute; null when nobody measured it.
 *  @throws MeasureRecordError */
export function parseMinute(path: string, data: unknown): Measure | null {
  return data === undefined ? null : parse(minuteSchema, path, data).measure;
}

/** Reads the document of the hour or day that begins at `start`.
 *  @throws MeasureRecordError */
export function parseParts(span: 'hour' | 'day', start: number, path: string, data: unknown): Parts {
  if (data === undefined) return new Map();
  const { parts } = parse(rollupSchema, path, data);
  return new Map(Object.entries(parts).map(([name, measure]) => [start + Number(name) * partMs[span], measure]));
}

const partMs = { hour: spans.minute.ms, day: spans.hour.ms } as const;

export function minuteData(at: number, measure: Measure): Record<string, unknown> {
  return { schemaVersion: measureSchemaVersion, measure, expireAt: expiry('minute', at) };
}

export function partsData(span: 'hour' | 'day', start: number, parts: Parts): Record<string, unknown> {
  const named = [...parts].map(([at, measure]) => [partName((at - start) / partMs[span]), measure]);
  return { schemaVersion: measureSchemaVersion, parts: Object.fromEntries(named), expireAt: expiry(span, start) };
}

const partName = (index: number) => String(index).padStart(2, '0');

function expiry(span: Span, at: number): Timestamp {
  return Timestamp.fromMillis(at + spans[span].ms + spans[span].retentionMs);
}

function parse<T>(schema: z.ZodType<T>, path: string, data: unknown): T {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new MeasureRecordError(path, issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'no measures');
}
