import type { Firestore } from 'firebase-admin/firestore';
import type { MeasuresView, ranges } from '../api/views/now.ts';
import { dayMs, hourMs, minuteMs } from '../clock.ts';
import { costOf } from '../config/prices.ts';
import { percentile } from './histogram.ts';
import { eventCount, type Measure, mergeAll } from './measure.ts';
import { measureRef, type Parts, parseParts, startOf } from './measureRecord.ts';

/** How each range is shown: columns of `stepMs`, folded from documents of `span`. */
const shapes = {
  hour: { lengthMs: hourMs, stepMs: minuteMs, span: 'hour' },
  day: { lengthMs: dayMs, stepMs: 15 * minuteMs, span: 'hour' },
  month: { lengthMs: 30 * dayMs, stepMs: dayMs, span: 'day' },
} as const;

/** The measures of the last hour, day or month as columns, oldest first; the last column is the one that is under way.
 *  A column in which nothing was measured has nulls.
 *
 *  Reads: 2 documents for an hour, 25 for a day, 31 for a month. With `since`, the beginning of a column that the
 *  caller has seen, that column and the later ones: 1 or 2.
 *  @throws MeasureRecordError; what Firestore answers. */
export async function readSeries(
  firestore: Firestore,
  range: (typeof ranges)[number],
  now: number,
  since?: number,
  read: PartsReader = readParts,
): Promise<MeasuresView> {
  const { lengthMs, stepMs, span } = shapes[range];
  const end = (Math.floor(now / stepMs) + 1) * stepMs;
  const start = Math.max(end - lengthMs, Math.floor((since ?? 0) / stepMs) * stepMs);
  const at = Array.from({ length: Math.max(0, (end - start) / stepMs) }, (_, index) => start + index * stepMs);
  const parts = await read(firestore, span, at);
  const columns = at.map((from) => mergeAll(partsWithin(parts, from, from + stepMs)));
  const column = (value: (measure: Measure) => number | null) =>
    columns.map((measure) => (measure === null ? null : value(measure)));
  return {
    range,
    stepMs,
    at,
    events: column(eventCount),
    assets: column(({ assets }) => assets),
    shownP50: column(({ shown }) => percentile(shown, 0.5)),
    shownP95: column(({ shown }) => percentile(shown, 0.95)),
    relayLag: column(({ relayLagMs }) => relayLagMs),
    backlog: column(({ backlog }) => backlog),
    findings: column(({ findings }) => findings),
    reads: column(({ reads }) => reads),
    writes: column(({ writes }) => writes),
    deletes: column(({ deletes }) => deletes),
    cost: column(costOf),
  };
}

/** The last minutes that are over, oldest first; null for one that nobody measured. Reads 1 or 2 documents for up to an
 *  hour.
 *  @throws MeasureRecordError; what Firestore answers. */
export async function readLastMinutes(
  firestore: Firestore,
  now: number,
  count = 60,
  read: PartsReader = readParts,
): Promise<readonly (Measure | null)[]> {
  const end = startOf('minute', now);
  const at = Array.from({ length: count }, (_, index) => end - (count - index) * minuteMs);
  const parts = await read(firestore, 'hour', at);
  return at.map((from) => parts.get(from) ?? null);
}

/** Reads what was measured around some times, as `readParts` does; one that is asked often may keep what it read. */
export type PartsReader = (firestore: Firestore, span: 'hour' | 'day', at: readonly number[]) => Promise<Parts>;

/** What was measured in the documents that cover the given times.
 *  @throws MeasureRecordError; what Firestore answers. */
export async function readParts(firestore: Firestore, span: 'hour' | 'day', at: readonly number[]): Promise<Parts> {
  const starts = [...new Set(at.map((time) => startOf(span, time)))];
  if (starts.length === 0) return new Map();
  const snapshots = await firestore.getAll(...starts.map((start) => measureRef(firestore, span, start)));
  return new Map(
    snapshots.flatMap((snapshot, index) => [
      ...parseParts(span, starts[index] ?? 0, snapshot.ref.path, snapshot.data()),
    ]),
  );
}

function partsWithin(parts: Parts, from: number, to: number): readonly Measure[] {
  return [...parts].flatMap(([at, measure]) => (at >= from && at < to ? [measure] : []));
}
