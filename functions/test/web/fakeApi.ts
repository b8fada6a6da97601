// An API that answers with what a test gives it, from inside of the browser's network.
import type { BrowserContext, Route } from 'playwright-core';
import * as fake from './fakeViews.ts';

export interface FakeApi {
  /** What a GET answers, by path without `/api`; replaced by tests. */
  readonly views: Record<string, (query: URLSearchParams) => unknown>;
  /** What a POST to an operation answers, by `name` or `name/preview`. */
  readonly operations: Record<string, (body: unknown) => { readonly status: number; readonly body: object }>;
  /** Bodies of the operations that were asked for. */
  readonly asked: { readonly path: string; readonly body: unknown }[];
  /** GETs that were made, with their query. */
  readonly read: string[];
}

const pageOf = (items: readonly unknown[], next: string | null = null) => ({ items, next });

function views(role: string): FakeApi['views'] {
  return {
    '/session': () => ({ actor: `${role}@lockstep.example`, role }),
    '/now': fake.now,
    '/measures': (query) => {
      const range = query.get('range');
      return fake.measures(range === 'day' || range === 'month' ? range : 'hour');
    },
    '/projects': () =>
      pageOf([
        fake.project('66f0c0ffee00000000000001', 'First light'),
        fake.project('66f0c0ffee00000000000002', '春の雨'),
      ]),
    '/projects/66f0c0ffee00000000000001': () => fake.project('66f0c0ffee00000000000001', 'First light'),
    '/projects/66f0c0ffee00000000000001/events': () => pageOf([0, 1, 2].map((index) => fake.event(index))),
    '/jobs': () => pageOf([1, 2, 3, 4].map((index) => fake.job(index))),
    '/jobs/reconcile-1': () =>
      fake.job(3, {
        id: 'reconcile-1',
        type: 'reconciliation',
        status: 'running',
        projectId: null,
        percent: 40,
        finishedAt: null,
      }),
    '/dead-letters': () => pageOf([1, 2].map((index) => fake.deadLetter(index))),
    '/dead-letters/dead-1': () => fake.deadLetter(1),
    '/holds': () => pageOf([1, 2].map((index) => fake.hold(index))),
    '/reports': () => pageOf([0, 1, 2, 3].map((index) => fake.report(index))),
    '/reports/reconcile-0': () => fake.report(0),
    '/audit': () => ({
      ...pageOf([3, 2, 1].map((sequence) => fake.auditEntry(sequence))),
      verifiedTo: 3,
      problem: null,
    }),
    '/alerts': () =>
      pageOf([fake.alert(1), fake.alert(2, { state: 'acknowledged', acknowledgedBy: 'ana@studio.example' })]),
  };
}

/** Answers the page's requests to the API in this browser context. */
export async function serveFakeApi(context: BrowserContext, role: string): Promise<FakeApi> {
  const api: FakeApi = { views: views(role), operations: {}, asked: [], read: [] };
  await context.route('**/api/**', (route) => answer(api, route));
  return api;
}

async function answer(api: FakeApi, route: Route): Promise<void> {
  const request = route.request();
  const { pathname, search, searchParams } = new URL(request.url());
  const path = decodeURIComponent(pathname.replace(/^\/api/, ''));
  if (request.method() === 'POST') {
    const body: unknown = request.postDataJSON();
    api.asked.push({ path, body });
    const answered = api.operations[path.replace('/operations/', '')]?.(body);
    return route.fulfill({ status: answered?.status ?? 404, json: answered?.body ?? notFound });
  }
  api.read.push(`${path}${search}`);
  const view = api.views[path];
  return view ? route.fulfill({ json: view(searchParams) }) : route.fulfill({ status: 404, json: notFound });
}

const notFound = { type: 'about:blank', title: 'Not found', status: 404, detail: 'There is no such record.' };
