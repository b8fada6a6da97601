import { z } from 'zod';
import { eventOutcomes } from '../../events/outcomes.ts';
import { moment, pageOf } from './common.ts';
import { jobView } from './jobs.ts';

/** An event of a project, and what became of it. */
export const eventView = z.object({
  id: z.string(),
  projectId: z.string(),
  type: z.string(),
  version: z.string(),
  origin: z.string(),
  actor: z.string().nullable(),
  receivedAt: moment,
  outcome: z.enum(eventOutcomes),
  jobId: z.string().nullable(),
  /** From MongoDB's commit to the assets, in ms. */
  lagMs: z.number().nullable(),
});
export type EventView = z.infer<typeof eventView>;
export const eventsView = pageOf(eventView);

export const projectSummaryView = z.object({
  id: z.string(),
  name: z.string().nullable(),
  state: z.enum(['live', 'deleted', 'unknown']),
  inStep: z.boolean(),
});
export const projectsView = pageOf(projectSummaryView);

export const projectView = projectSummaryView.extend({
  version: z.string().nullable(),
  revision: z.number().int(),
  appliedRevision: z.number().int(),
  /** Known copied fields of the project. */
  fields: z.record(z.string(), z.unknown()),
  hold: z.object({ state: z.string(), since: moment.nullable() }).nullable(),
  /** Where its assets are, counted now. */
  collections: z.array(z.object({ name: z.string(), assets: z.number().int() })),
  /** What can be restored; null where no collection archives. */
  archived: z
    .object({
      documents: z.number().int(),
      /** Whether there may be more than were counted. */
      isMore: z.boolean(),
      /** When the first of them is no longer kept; null without any. */
      until: moment.nullable(),
    })
    .nullable(),
  jobs: z.array(jobView),
});
export type ProjectView = z.infer<typeof projectView>;
