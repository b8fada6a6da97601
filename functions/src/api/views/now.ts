import { z } from 'zod';
import { alertView } from './alerts.ts';
import { moment } from './common.ts';
import { jobView } from './jobs.ts';

/** What is paused: `relay`, `deletions`, or `collection:NAME`. */
export const pauseView = z.object({ what: z.string(), by: z.string(), reason: z.string(), since: moment });

/** A goal that is configured, and whether it is met. */
export const targetView = z.object({
  name: z.enum(['commit-to-shown', 'relay-lag', 'recovery', 'progress']),
  /** In ms. */
  goal: z.number(),
  /** In ms, over the last hour; null when nothing was measured. */
  measured: z.number().nullable(),
  met: z.boolean(),
});

/** The first screen: what runs, and whether assets and projects are in step. */
export const nowView = z.object({
  at: moment,
  mode: z.enum(['live', 'shadow']),
  /** In one sentence. */
  summary: z.string(),
  inStep: z.boolean(),
  relay: z.object({
    state: z.enum(['running', 'stopped', 'paused', 'never-ran']),
    holder: z.string().nullable(),
    /** Where it reads, as MongoDB's clock has it. */
    place: moment.nullable(),
    lagMs: z.number().nullable(),
    renewedAt: moment.nullable(),
    /** Those that the projects are divided among, where they are; the relay is then as the worst of them. */
    shards: z.array(
      z.object({
        shard: z.number().int(),
        state: z.enum(['running', 'stopped']),
        place: moment.nullable(),
        lagMs: z.number().nullable(),
        renewedAt: moment.nullable(),
      }),
    ),
  }),
  /** Events that arrived and are not applied yet, as far as records tell. */
  backlog: z.number().int(),
  running: z.array(jobView),
  /** The newest, and whether there may be more. */
  openAlerts: z.array(alertView),
  hasMoreAlerts: z.boolean(),
  holds: z.number().int(),
  deadLetters: z.number().int(),
  paused: z.array(pauseView),
  targets: z.array(targetView),
});
export type NowView = z.infer<typeof nowView>;

/** Ranges that plots show. */
export const ranges = ['hour', 'day', 'month'] as const;

/** Columns of equal length, oldest first. A null stands for a time in which nobody measured: a gap, not a zero. */
export const measuresView = z.object({
  range: z.enum(ranges),
  stepMs: z.number().int(),
  at: z.array(moment),
  events: z.array(z.number().nullable()),
  assets: z.array(z.number().nullable()),
  shownP50: z.array(z.number().nullable()),
  shownP95: z.array(z.number().nullable()),
  relayLag: z.array(z.number().nullable()),
  backlog: z.array(z.number().nullable()),
  findings: z.array(z.number().nullable()),
  reads: z.array(z.number().nullable()),
  writes: z.array(z.number().nullable()),
  deletes: z.array(z.number().nullable()),
  /** In US dollars at list price. */
  cost: z.array(z.number().nullable()),
});
export type MeasuresView = z.infer<typeof measuresView>;
