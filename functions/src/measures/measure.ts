import { z } from 'zod';
import { emptyHistogram, mergeHistograms } from './histogram.ts';

const count = z.number().min(0);

/** What was measured over some time. */
export const measureSchema = z.object({
  /** Events that arrived, by type. */
  events: z.object({ created: count, updated: count, deleted: count }),
  /** Assets that were updated or deleted. */
  assets: count,
  /** From MongoDB's commit to the assets, of the events that were applied. */
  shown: z.object({ counts: z.record(z.string(), count), maxMs: z.number().nullable() }),
  /** How far what is published was behind MongoDB, at most, in ms; null where nobody knew. */
  relayLagMs: z.number().nullable(),
  /** For how long the relay had missed its target for the lag, or was not there at all, in ms: at the longest. */
  relayDownMs: count,
  /** For how long work had waited without any being done, in ms: at the longest. */
  stalledMs: count,
  /** The most at a time. */
  backlog: count,
  holds: count,
  deadLetters: count,
  /** What a reconciliation found that ended in this time; null where none did. */
  findings: count.nullable(),
  /** Operations of Firestore, computed from the above by what each costs. */
  reads: count,
  writes: count,
  deletes: count,
});

export type Measure = Readonly<z.infer<typeof measureSchema>>;

export const emptyMeasure: Measure = {
  events: { created: 0, updated: 0, deleted: 0 },
  assets: 0,
  shown: emptyHistogram,
  relayLagMs: null,
  relayDownMs: 0,
  stalledMs: 0,
  backlog: 0,
  holds: 0,
  deadLetters: 0,
  findings: null,
  reads: 0,
  writes: 0,
  deletes: 0,
};

/** What was measured over two different times, together. Associative and commutative; `emptyMeasure` changes
 *  nothing. */
export function mergeMeasures(a: Measure, b: Measure): Measure {
  return {
    events: {
      created: a.events.created + b.events.created,
      updated: a.events.updated + b.events.updated,
      deleted: a.events.deleted + b.events.deleted,
    },
    assets: a.assets + b.assets,
    shown: mergeHistograms(a.shown, b.shown),
    relayLagMs: highest(a.relayLagMs, b.relayLagMs),
    relayDownMs: Math.max(a.relayDownMs, b.relayDownMs),
    stalledMs: Math.max(a.stalledMs, b.stalledMs),
    backlog: Math.max(a.backlog, b.backlog),
    holds: Math.max(a.holds, b.holds),
    deadLetters: Math.max(a.deadLetters, b.deadLetters),
    findings: highest(a.findings, b.findings),
    reads: a.reads + b.reads,
    writes: a.writes + b.writes,
    deletes: a.deletes + b.deletes,
  };
}

/** What is known of one and the same minute after it was measured again, by a relay that was restarted: what is counted
 *  from records is complete each time and counts once, what was seen in passing is the worst that anybody saw. */
export function remeasured(before: Measure, again: Measure): Measure {
  const { events, assets, shown, reads, writes, deletes } = again;
  return { ...mergeMeasures(before, again), events, assets, shown, reads, writes, deletes };
}

/** All together; null where nothing was measured. */
export function mergeAll(measures: readonly Measure[]): Measure | null {
  return measures.length === 0 ? null : measures.reduce(mergeMeasures);
}

export function eventCount({ events: { created, updated, deleted } }: Pick<Measure, 'events'>): number {
  return created + updated + deleted;
}

function highest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}
