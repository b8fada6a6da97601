import { type Context, Hono } from 'hono';
import { AuditHeadError } from '../audit/head.ts';
import { type Clock, secondMs } from '../clock.ts';
import { ControlError } from '../control/control.ts';
import { isTransientCall } from '../grpc.ts';
import { errorText, type Log } from '../log.ts';
import { MeasureRecordError } from '../measures/measureRecord.ts';
import type { OperationServices } from '../operations/operation.ts';
import { ReconcileRecordError } from '../reconcile/jobRecord.ts';
import { ProjectRecordError } from '../records/projectRecord.ts';
import { entityTagOf, isKnown } from './entityTag.ts';
import { privateCache, securityHeaders } from './headers.ts';
import { type Attestation, noAttestation } from './identity/attestation.ts';
import { type Identity, includes, type Session } from './identity/session.ts';
import { invalidInput, queryValues } from './input.ts';
import { openApiOf } from './openApi.ts';
import { ApiProblem, problemResponse, unavailable } from './problem.ts';
import { createRateLimit, defaultRateLimits, type RateLimits } from './rateLimit.ts';
import type { Views } from './readers/views.ts';
import { createReplay } from './replay.ts';
import { type Answer, noBody, type Route } from './route.ts';

export interface ApiDependencies {
  readonly routes: readonly Route[];
  readonly views: Views;
  readonly operations: () => Promise<OperationServices>;
  readonly identity: Identity;
  /** Whether requests have to come from a known app. Default: no. */
  readonly attestation?: Attestation;
  readonly clock: Clock;
  readonly log: Log;
  readonly rateLimits?: RateLimits;
}

/** Longest body, in bytes: 500 ids and a reason. Lists of more are asked for by a filter. */
export const maxBodyBytes = 256 * 1024;

/** The API as a function from requests to responses, without a server. */
export function createApi(dependencies: ApiDependencies): (request: Request) => Promise<Response> {
  const { routes, log } = dependencies;
  const handle = createHandler(dependencies);
  const app = new Hono({ strict: true });
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    app.on(route.method, path, (context) => handle(route, context));
    app.all(path, (context) => {
      const methods = routes.filter((other) => other.path === route.path).map(({ method }) => method);
      // Hono answers HEAD with what GET does.
      const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
      throw new ApiProblem('method-not-allowed', `${context.req.path} takes ${allow}.`, { headers: { allow } });
    });
  }
  app.notFound(() => problemResponse(new ApiProblem('unknown-route', 'GET /api/openapi.json lists the routes.')));
  app.onError((error, { req }) => {
    const problem = asProblem(error);
    if (problem.status >= 500) {
      log.error('a request to the API failed', { method: req.method, path: req.path, error: errorText(error) });
    }
    return problemResponse(problem);
  });
  return async (request) => {
    const response = await app.fetch(request);
    for (const [name, value] of Object.entries(securityHeaders)) response.headers.set(name, value);
    return response;
  };
}

/** Errors that name a damaged record and how to repair it, which is what the caller has to know. */
const unreadable = [AuditHeadError, ControlError, MeasureRecordError, ProjectRecordError, ReconcileRecordError];

/** What the caller is shown of an error: the text of other ones may name what a viewer must not know. */
function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (unreadable.some((kind) => error instanceof kind)) {
    return new ApiProblem('failed', errorText(error), { cause: error });
  }
  if (isTransientCall(error)) {
    return unavailable('Firestore or Firebase Authentication did not answer: try again.', error);
  }
  return new ApiProblem('failed', 'Try again; if it stays, read the log of the function "operations".', {
    cause: error,
  });
}

function createHandler({
  routes,
  views,
  operations,
  identity,
  attestation = noAttestation,
  clock,
  rateLimits = defaultRateLimits,
}: ApiDependencies) {
  const limit = createRateLimit(clock, rateLimits);
  const replay = createReplay<Answer>(clock);
  let made: unknown;
  const document = () => {
    made ??= openApiOf(routes);
    return made;
  };

  async function sessionOf(route: Route, request: Request): Promise<Session> {
    if (route.role === null) return nobody;
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
    if (token === undefined) throw notSignedIn('Send a Firebase ID token: `Authorization: Bearer TOKEN`.');
    await attestation(request);
    const verdict = await identity.verify(token, { forChange: route.changes });
    if (verdict.kind === 'not-signed-in') throw notSignedIn(verdict.why);
    if (verdict.kind === 'no-role') throw new ApiProblem('not-allowed', verdict.why);
    const { session } = verdict;
    const waitMs = limit.take(session.uid);
    if (waitMs > 0) {
      const seconds = String(Math.ceil(waitMs / secondMs));
      throw new ApiProblem('too-many-requests', `Ask again in ${seconds} s.`, { headers: { 'retry-after': seconds } });
    }
    if (includes(session.role, route.role)) return session;
    throw new ApiProblem(
      'not-allowed',
      `This takes the role ${route.role}; ${session.actor} is a ${session.role}. Another operator may do it or grant the role.`,
    );
  }

  return async (route: Route, context: Context): Promise<Response> => {
    const request = context.req.raw;
    const session = await sessionOf(route, request);
    const sent = route.body === noBody ? undefined : await sentJson(request);
    const raw = {
      params: context.req.param(),
      query: queryValues(new URL(request.url).searchParams),
      body: sent?.json,
    };
    const run = () => route.run(raw, { views, operations, session, document });
    const key = route.changes ? keyOf(request) : undefined;
    if (key === undefined) return respond(await run(), request);
    const call = { key, caller: session.uid, path: route.path, body: sent?.text ?? '' };
    return respond(await replay.once(call, run), request);
  };
}

/** Who asks a route that is open to all. It is never written anywhere. */
const nobody: Session = { actor: 'anybody', role: 'viewer', uid: '' };

function notSignedIn(detail: string): ApiProblem {
  return new ApiProblem('not-signed-in', detail, { headers: { 'www-authenticate': 'Bearer realm="lockstep"' } });
}

/** Longest key of a call that may be repeated, in characters: a UUID has 36. */
const maxKeyLength = 200;

/** @throws ApiProblem */
function keyOf(request: Request): string | undefined {
  const key = request.headers.get('idempotency-key');
  if (key === null) return undefined;
  if (key.length > 0 && key.length <= maxKeyLength) return key;
  throw invalidInput([{ field: 'Idempotency-Key', problem: `expected 1 to ${maxKeyLength} characters` }]);
}

/** The body, as it was sent and as what it says.
 *  @throws ApiProblem */
async function sentJson(request: Request): Promise<{ readonly text: string; readonly json: unknown }> {
  if (!/^application\/json\b/i.test(request.headers.get('content-type') ?? '')) {
    throw new ApiProblem('unsupported-body', 'Send JSON, with `Content-Type: application/json`.');
  }
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > maxBodyBytes) {
    throw new ApiProblem('body-too-large', `Send at most ${maxBodyBytes} bytes; choose by a filter instead of by ids.`);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text, json: JSON.parse(text) };
  } catch (error) {
    throw new ApiProblem('invalid-input', 'The body is not JSON. Nothing was changed.', {
      errors: [{ field: 'body', problem: errorText(error) }],
    });
  }
}

function respond(answer: Answer, request: Request): Response {
  switch (answer.kind) {
    case 'json':
      return tagged(JSON.stringify(answer.view), 'application/json', request);
    case 'text':
      return tagged(answer.text, answer.contentType, request, answer.fileName);
    case 'lines':
      return new Response(streamOf(answer.lines), {
        headers: { ...privateCache, 'content-type': answer.contentType },
      });
  }
}

function tagged(content: string, contentType: string, request: Request, fileName?: string): Response {
  const etag = entityTagOf(content);
  const headers = { ...privateCache, etag };
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && isKnown(request.headers.get('if-none-match'), etag))
    return new Response(null, { status: 304, headers });
  return new Response(content, {
    headers: {
      ...headers,
      'content-type': contentType,
      ...(fileName !== undefined && { 'content-disposition': `attachment; filename="${fileName}"` }),
    },
  });
}

/** A body that is made as it is read: memory does not grow with it. */
function streamOf(lines: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = lines[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(`${value}\n`));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
