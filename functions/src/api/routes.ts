import { z } from 'zod';
import { clusterTimeText } from '../inStep/clusterTime.ts';
import { defaultWaitMs, longestWaitMs } from '../inStep/waitUntilInStep.ts';
import { operations } from '../operations/all.ts';
import { hasDocumentId } from '../records/documentIds.ts';
import { reportAs, reportFormats } from '../reports/formats.ts';
import { cursorOf } from './cursor.ts';
import { openMetrics, openMetricsType } from './openMetrics.ts';
import { operationRoutes } from './operationRoutes.ts';
import { ApiProblem } from './problem.ts';
import { noBody, type Route, route } from './route.ts';
import { alertStates, alertsView } from './views/alerts.ts';
import { auditView } from './views/audit.ts';
import { sessionView } from './views/common.ts';
import { deadLettersView, deadLetterView, holdsView } from './views/decisions.ts';
import { inStepView } from './views/inStep.ts';
import { reportsView, reportView } from './views/integrity.ts';
import { jobStatuses, jobsView, jobView } from './views/jobs.ts';
import { measuresView, nowView, ranges } from './views/now.ts';
import { eventsView, projectsView, projectView } from './views/projects.ts';

const nothing = z.strictObject({});
/** Longest id of a project, an event or a job, in characters: Firestore's own limit of a document id. */
const id = z
  .string()
  .min(1, { abort: true })
  .max(1_500, { abort: true })
  .refine(hasDocumentId, 'no document has this id');
const text = z.string().min(1).max(500);
const byId = z.strictObject({ id });
/** The last moment that Firestore knows, in ms since 1970: the end of the year 9999. */
const lastMoment = 253_402_300_799_999;
const at = z.number().min(0).max(lastMoment);
const timeCursor = cursorOf(z.object({ at, id }));
const nameCursor = cursorOf(z.object({ name: z.string(), id }));
const momentText = z
  .string()
  .regex(/^\d{1,15}$/, 'expected ms since 1970')
  .transform(Number)
  .pipe(at);

/** A GET that a viewer may make. */
const viewed = { method: 'GET', role: 'viewer', body: noBody } as const;

function found<View>(view: View | undefined, what: string) {
  if (view !== undefined) return { kind: 'json' as const, view };
  throw new ApiProblem('not-found', `There is no ${what} of this id; it may have been removed when its time was over.`);
}

/** Every route of the API. */
export const routes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/api/health',
    summary: 'Whether the function answers; says nothing about the installation.',
    role: null,
    params: nothing,
    query: nothing,
    body: noBody,
    answer: z.object({ status: z.literal('ok') }),
    handle: async () => ({ kind: 'json', view: { status: 'ok' as const } }),
  }),
  route({
    ...viewed,
    path: '/api/session',
    summary: 'Whose token this is.',
    params: nothing,
    query: nothing,
    answer: sessionView,
    handle: async (_, { session: { actor, role } }) => ({ kind: 'json', view: { actor, role } }),
  }),
  route({
    ...viewed,
    path: '/api/openapi.json',
    summary: 'This document.',
    params: nothing,
    query: nothing,
    answer: z.unknown(),
    handle: async (_, { document }) => ({ kind: 'json', view: document() }),
  }),
  route({
    ...viewed,
    path: '/api/now',
    summary: 'What runs, and whether assets and projects are in step.',
    params: nothing,
    query: nothing,
    answer: nowView,
    handle: async (_, { views }) => ({ kind: 'json', view: await views.now() }),
  }),
  route({
    ...viewed,
    path: '/api/projects',
    summary: 'Projects, by the beginning of their id or name.',
    params: nothing,
    query: z.strictObject({ search: z.string().trim().max(200).optional(), cursor: nameCursor.optional() }),
    answer: projectsView,
    handle: async ({ query: { search = '', cursor } }, { views }) => ({
      kind: 'json',
      view: await views.projects(search, cursor),
    }),
  }),
  route({
    ...viewed,
    path: '/api/projects/{id}',
    summary: 'One project; its assets are counted now.',
    params: byId,
    query: nothing,
    answer: projectView,
    handle: async ({ params }, { views }) => found(await views.project(params.id), 'project'),
  }),
  route({
    ...viewed,
    path: '/api/jobs',
    summary: 'Jobs, the newest first.',
    params: nothing,
    query: z.strictObject({
      status: z.enum(jobStatuses).optional(),
      type: jobView.shape.type.optional(),
      projectId: id.optional(),
      since: momentText.optional(),
      cursor: timeCursor.optional(),
    }),
    answer: jobsView,
    handle: async ({ query }, { views }) => ({ kind: 'json', view: await views.jobs(query) }),
  }),
  route({
    ...viewed,
    path: '/api/jobs/{id}',
    summary: 'One job.',
    params: byId,
    query: nothing,
    answer: jobView,
    handle: async ({ params }, { views }) => found(await views.job(params.id), 'job'),
  }),
  route({
    ...viewed,
    path: '/api/dead-letters',
    summary: 'Events that were given up, the newest first.',
    params: nothing,
    query: z.strictObject({ status: deadLetterView.shape.status.optional(), cursor: timeCursor.optional() }),
    answer: deadLettersView,
    handle: async ({ query: { status, cursor } }, { views }) => ({
      kind: 'json',
      view: await views.deadLetters(status, cursor),
    }),
  }),
  route({
    ...viewed,
    path: '/api/dead-letters/{id}',
    summary: 'One dead letter, with its message.',
    params: byId,
    query: nothing,
    answer: deadLetterView,
    handle: async ({ params }, { views }) => found(await views.deadLetter(params.id), 'dead letter'),
  }),
  route({
    ...viewed,
    path: '/api/holds',
    summary: 'Deletions that wait for a person.',
    params: nothing,
    query: z.strictObject({ cursor: timeCursor.optional() }),
    answer: holdsView,
    handle: async ({ query: { cursor } }, { views }) => ({ kind: 'json', view: await views.holds(cursor) }),
  }),
  route({
    ...viewed,
    path: '/api/projects/{id}/events',
    summary: 'The events of a project and what became of them, the newest first.',
    params: byId,
    query: z.strictObject({ cursor: cursorOf(z.object({ at: at.nullable(), id })).optional() }),
    answer: eventsView,
    handle: async ({ params, query: { cursor } }, { views }) => ({
      kind: 'json',
      view: await views.events(params.id, cursor),
    }),
  }),
  route({
    ...viewed,
    path: '/api/projects/{id}/in-step',
    summary: 'Waits until the assets of a project show what MongoDB held at a time.',
    params: byId,
    query: z.strictObject({
      atLeast: clusterTimeText,
      fields: text.transform((list) => list.split(',')).optional(),
      timeoutMs: z.coerce.number().int().min(0).max(longestWaitMs).default(defaultWaitMs),
    }),
    answer: inStepView,
    handle: async ({ params, query }, { views }) => ({ kind: 'json', view: await views.inStep(params.id, query) }),
  }),
  route({
    ...viewed,
    path: '/api/measures',
    summary: 'What was measured in the last hour, day or month, as columns.',
    params: nothing,
    query: z.strictObject({ range: z.enum(ranges) }),
    answer: measuresView,
    handle: async ({ query: { range } }, { views }) => ({ kind: 'json', view: await views.measures(range) }),
  }),
  route({
    ...viewed,
    path: '/api/reports',
    summary: 'Reports of reconciliations and verifications, the newest first.',
    params: nothing,
    query: z.strictObject({ type: reportView.shape.type.optional(), cursor: timeCursor.optional() }),
    answer: reportsView,
    handle: async ({ query: { type, cursor } }, { views }) => ({
      kind: 'json',
      view: await views.reports(type, cursor),
    }),
  }),
  route({
    ...viewed,
    path: '/api/reports/{id}',
    summary: 'One report; with a format as a file.',
    params: byId,
    query: z.strictObject({ format: z.enum(reportFormats).optional() }),
    answer: reportView,
    contentTypes: ['text/csv', 'text/html'],
    async handle({ params, query: { format } }, { views }) {
      const answer = found(await views.report(params.id), 'report');
      if (format === undefined) return answer;
      const { name: fileName, contentType, body } = reportAs(format, answer.view);
      return { kind: 'text', contentType, text: body, fileName };
    },
  }),
  route({
    ...viewed,
    path: '/api/audit',
    summary: 'Who did what, the newest first.',
    params: nothing,
    query: z.strictObject({
      actor: text.optional(),
      action: text.optional(),
      target: text.optional(),
      cursor: cursorOf(z.number().int().positive()).optional(),
    }),
    answer: auditView,
    handle: async ({ query }, { views }) => ({ kind: 'json', view: await views.audit(query) }),
  }),
  route({
    ...viewed,
    path: '/api/audit/export',
    summary: 'The audit as lines of JSON, the oldest first.',
    params: nothing,
    query: z.strictObject({ since: momentText.optional() }),
    answer: null,
    contentTypes: ['application/x-ndjson'],
    handle: async ({ query: { since } }, { views }) => ({
      kind: 'lines',
      contentType: 'application/x-ndjson',
      lines: views.auditLines(since),
    }),
  }),
  route({
    ...viewed,
    path: '/api/alerts',
    summary: 'Alerts, the newest first.',
    params: nothing,
    query: z.strictObject({ state: z.enum(alertStates).optional(), cursor: timeCursor.optional() }),
    answer: alertsView,
    handle: async ({ query: { state, cursor } }, { views }) => ({
      kind: 'json',
      view: await views.alerts(state, cursor),
    }),
  }),
  route({
    ...viewed,
    path: '/api/metrics',
    summary: 'What is measured, for a scraper (OpenMetrics).',
    params: nothing,
    query: nothing,
    answer: null,
    contentTypes: [openMetricsType],
    handle: async (_, { views }) => ({
      kind: 'text',
      contentType: openMetricsType,
      text: await openMetrics(await views.now()),
    }),
  }),
  ...operationRoutes(operations),
];
