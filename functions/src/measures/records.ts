import { type Firestore, Timestamp } from 'firebase-admin/firestore';
import { z } from 'zod';
import { minuteMs } from '../clock.ts';
import { recordCollections } from '../config/defineConfig.ts';
import { eventTypes } from '../events/contract.ts';
import { histogramOf } from './histogram.ts';
import type { Measure } from './measure.ts';

// What records say about a minute. Each question has a bound on what it reads.

/** Events of a minute that are read one by one. Of more, these are a sample, and one count says of how many. */
const mostEvents = 500;

/** Running work that is read; more counts as so many. */
const mostJobs = 100;

/** A failed attempt is work that waits until it is redelivered, at the latest after the longest pause of Pub/Sub (10
 *  minutes) and what an attempt takes. What has not come back by then has become a dead letter. */
const redeliveryMs = 12 * minuteMs;

const entrySchema = z.object({
  type: z.enum(eventTypes).nullable().default(null),
  lagMs: z.number().nullable().default(null),
  assets: z.number().nullable().default(null),
});

/** What the history says of the events that were settled within a minute. */
export interface SettledEvents extends Pick<Measure, 'events' | 'shown'> {
  /** Assets that were updated, and that were deleted. */
  readonly updated: number;
  readonly deleted: number;
}

/** Events that were settled from `start` on, for a minute. Reads one document for each, 500 at most, and at least one.
 *  @throws what Firestore answers. */
export async function settledEvents(firestore: Firestore, start: number): Promise<SettledEvents> {
  const within = firestore
    .collection(recordCollections.events)
    .where('settledAt', '>=', Timestamp.fromMillis(start))
    .where('settledAt', '<', Timestamp.fromMillis(start + minuteMs));
  const { docs } = await within.orderBy('settledAt').select('type', 'lagMs', 'assets').limit(mostEvents).get();
  const total = docs.length < mostEvents ? docs.length : (await within.count().get()).data().count;
  const weight = docs.length === 0 ? 1 : total / docs.length;
  const entries = docs.flatMap((document) => {
    // Another version may write entries of another kind; they are not counted here.
    const { success, data } = entrySchema.safeParse(document.data());
    return success ? [data] : [];
  });
  const ofType = (type: (typeof eventTypes)[number]) => entries.filter((entry) => entry.type === type);
  const counted = (type: (typeof eventTypes)[number]) => Math.round(ofType(type).length * weight);
  const sum = (list: typeof entries) => Math.round(list.reduce((all, { assets }) => all + (assets ?? 0), 0) * weight);
  const deletions = ofType('ProjectDeleted');
  return {
    events: {
      created: counted('ProjectCreated'),
      updated: counted('ProjectUpdated'),
      deleted: counted('ProjectDeleted'),
    },
    shown: histogramOf(
      entries.flatMap(({ lagMs }) => (lagMs === null ? [] : [lagMs])),
      weight,
    ),
    deleted: sum(deletions),
    updated: sum(entries.filter((entry) => !deletions.includes(entry))),
  };
}

/** Work on projects that is under way, or waits to be redelivered. */
export interface Backlog {
  readonly jobs: number;
  /** Assets done so far, by all of it: while this moves, something is done. */
  readonly processed: number;
}

const jobSchema = z.object({ type: z.string(), processed: z.number().default(0) });

/** Reads one document for each piece of work, 100 at most of each kind, and at least two.
 *  @throws what Firestore answers. */
export async function readBacklog(firestore: Firestore, now: number): Promise<Backlog> {
  const jobs = firestore.collection(recordCollections.jobs);
  const [running, failing] = await Promise.all([
    jobs.where('status', 'in', ['pending', 'running', 'continued']).select('type', 'processed').limit(mostJobs).get(),
    jobs
      .where('status', '==', 'failed')
      .where('startedAt', '>=', Timestamp.fromMillis(now - redeliveryMs))
      .orderBy('startedAt', 'desc')
      .select('type', 'processed')
      .limit(mostJobs)
      .get(),
  ]);
  const work = [...running.docs, ...failing.docs].flatMap((document) => {
    const { success, data } = jobSchema.safeParse(document.data());
    // Reconciliations run for minutes by themselves, and nothing waits for them.
    return success && (data.type === 'update' || data.type === 'delete') ? [data] : [];
  });
  return { jobs: work.length, processed: work.reduce((sum, { processed }) => sum + processed, 0) };
}

/** What waits for people. One read per thousand of each, and at least two.
 *  @throws what Firestore answers. */
export async function readWaiting(firestore: Firestore): Promise<Pick<Measure, 'holds' | 'deadLetters'>> {
  const [holds, deadLetters] = await Promise.all([
    firestore.collection(recordCollections.jobs).where('status', '==', 'held').count().get(),
    firestore.collection(recordCollections.failures).where('status', '==', 'dead').count().get(),
  ]);
  return { holds: holds.data().count, deadLetters: deadLetters.data().count };
}
