import { minuteMs, secondMs } from '../../clock.ts';
import type { Measure } from '../../measures/measure.ts';
import { type Parts, spans, startOf } from '../../measures/measureRecord.ts';
import { type PartsReader, readLastMinutes, readParts, readSeries } from '../../measures/series.ts';
import type { ReaderDependencies, Views } from './views.ts';

export interface MeasuresReader extends Pick<Views, 'measures'> {
  /** The minutes of the last hour. */
  lastMinutes(): Promise<readonly (Measure | null)[]>;
}

/** A minute is written within so long after its end, in ms: then its hour and its day do not change any more. */
const settledMs = 5 * minuteMs;

/** Hours and days that are kept: those of all ranges, and some that are past. */
const maxKept = 100;

/** A page asks for all that a screen shows within this time, in ms. Of what was read before, one hour or day is read
 *  again in it, and the others with the next poll: a poll has its price. */
const roundMs = 2 * secondMs;

/** So many hours or days may begin between two polls; with more, somebody looks who was not there before. */
const mostBegun = 2;

interface Kept {
  readonly readAt: number;
  readonly parts: Promise<Parts>;
}

/** Measures are written once a minute, so an instance reads an hour or a day once a minute, and not at all when it is
 *  over. */
export function createMeasuresReader({ firestore, clock }: ReaderDependencies): MeasuresReader {
  const kept = new Map<string, Kept>();
  let lastReadAt = Number.NEGATIVE_INFINITY;

  function isFresh(span: 'hour' | 'day', start: number, known: Kept | undefined): known is Kept {
    if (known === undefined) return false;
    if (known.readAt > start + spans[span].ms + settledMs) return true;
    return startOf('minute', known.readAt) === startOf('minute', clock.now());
  }

  const readKept: PartsReader = async (_, span, at) => {
    const starts = [...new Set(at.map((time) => startOf(span, time)))];
    const due = nowDue(span, starts);
    if (due.length > 0) {
      lastReadAt = clock.now();
      const parts = readParts(firestore, span, due);
      for (const start of due) keep(`${span} ${start}`, { readAt: lastReadAt, parts });
    }
    const all = await Promise.all(starts.map((start) => kept.get(`${span} ${start}`)?.parts));
    return new Map(all.flatMap((parts) => [...(parts ?? [])]));
  };

  function nowDue(span: 'hour' | 'day', starts: readonly number[]): readonly number[] {
    const knownOf = (start: number) => kept.get(`${span} ${start}`);
    const missing = starts.filter((start) => knownOf(start) === undefined);
    if (missing.length > mostBegun || missing.length === starts.length) return missing;
    if (clock.now() - lastReadAt < roundMs) return [];
    const due = starts.filter((start) => !isFresh(span, start, knownOf(start)));
    return due.toSorted((a, b) => b - a).slice(0, 1);
  }

  function keep(name: string, entry: Kept): void {
    kept.delete(name);
    kept.set(name, entry);
    const [oldest] = kept.keys();
    if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
    // What failed is asked anew; its caller gets the error.
    entry.parts.catch(() => {
      if (kept.get(name) === entry) kept.delete(name);
    });
  }

  return {
    measures: (range) => readSeries(firestore, range, clock.now(), undefined, readKept),
    lastMinutes: () => readLastMinutes(firestore, clock.now(), minutesShown, readKept),
  };
}

const minutesShown = 60;
