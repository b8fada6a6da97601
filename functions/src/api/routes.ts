import { z } from 'zod';
import { operations } from '../operations/all.ts';
import { cursorOf } from './cursor.ts';
import { operationRoutes } from './operationRoutes.ts';
import { ApiProblem } from './problem.ts';
import { noBody, type Route, route } from './route.ts';
import { sessionView } from './views/common.ts';
import { deadLettersView, deadLetterView, holdsView } from './views/decisions.ts';
import { jobStatuses, jobsView, jobView } from './views/jobs.ts';
import { nowView } from './views/now.ts';
import { projectsView, projectView } from './views/projects.ts';

const nothing = z.strictObject({});
/** Longest id of a project, an event or a job, in characters: Firestore's own limit of a document id. */
const id = z.string().min(1).max(1_500);
const byId = z.strictObject({ id });
const timeCursor = cursorOf(z.object({ at: z.number(), id }));
const idCursor = cursorOf(id);
const momentText = z
  .string()
  .regex(/^\d{1,15}$/, 'expected ms since 1970')
  .transform(Number);

/** A GET that a viewer may make. */
const viewed = { method: 'GET', role: 'viewer', body: noBody } as const;

function found<View>(view: View | undefined, what: string) {
  if (view !== undefined) return { kind: 'json' as const, view };
  throw new ApiProblem('not-found', `There is no ${what} of this id; it may have been removed when its time was over.`);
}

/** Every route of the API but the one that describes them. */
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
    query: z.strictObject({ search: z.string().trim().max(200).optional(), cursor: idCursor.optional() }),
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
  ...operationRoutes(operations),
];
