import { existsSync } from 'node:fs';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { createLocalAuth } from '../auth/localAuth.ts';
import type { Users } from '../auth/users.ts';
import { type HttpServer, serveHttp } from '../httpServer.ts';
import type { Hosting } from './hosting.ts';

/** The page, the API behind it and its sign-in, on one port. */
export interface PageServer extends HttpServer {
  /** Who may sign in. */
  readonly users: Users;
}

export interface PageServerOptions {
  readonly port: number;
  readonly projectId: string;
  readonly hosting: Hosting;
  /** Address of the function `operations`; undefined while no functions run. */
  readonly api: () => string | undefined;
}

/** Serves what Firebase Hosting would: the built page, its settings, and `/api` from the function `operations`. The
 *  stand-in of the Auth emulator answers on the same port. */
export async function startPageServer({ port, projectId, hosting, api }: PageServerOptions): Promise<PageServer> {
  const auth = createLocalAuth(projectId);
  const app = new Hono();
  app.all('/identitytoolkit.googleapis.com/*', ({ req }) => auth.answer(req.raw));
  app.all('/securetoken.googleapis.com/*', ({ req }) => auth.answer(req.raw));
  app.all('/api/*', ({ req }) => passOn(req.raw, api()));
  const settings = { apiKey: 'local', authDomain: 'localhost', projectId };
  app.get('/__/firebase/init.json', (context) => context.json(settings));
  app.get('/__/firebase/init.js', (context) => {
    const { host: hostAndPort, hostname, port } = new URL(context.req.url);
    const emulators = { auth: { host: hostname, port: Number(port), hostAndPort } };
    const script = `var firebaseConfig = ${JSON.stringify(settings)};\nvar firebaseEmulators = ${JSON.stringify(emulators)};\n`;
    return context.body(script, 200, { 'content-type': 'text/javascript' });
  });
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(hosting.headersOf(context.req.path))) context.header(name, value);
  });
  app.use((context, next) =>
    existsSync(hosting.folder)
      ? serveStatic({ root: hosting.folder })(context, next)
      : Promise.resolve(context.text('The page is not built: npm --prefix functions run build', 503)),
  );
  return { ...(await serveHttp(port, (request) => app.fetch(request))), users: auth.users };
}

async function passOn(request: Request, functionUrl: string | undefined): Promise<Response> {
  if (functionUrl === undefined) return new Response('no functions run here', { status: 503 });
  const { pathname, search } = new URL(request.url);
  const { method, headers } = request;
  const body = method === 'GET' || method === 'HEAD' ? null : await request.arrayBuffer();
  const answer = await fetch(`${functionUrl}${pathname}${search}`, { method, headers, body, redirect: 'manual' });
  const passed = new Headers(answer.headers);
  // What `fetch` has decoded is sent as it is.
  for (const name of ['content-encoding', 'content-length', 'transfer-encoding', 'connection', 'keep-alive']) {
    passed.delete(name);
  }
  return new Response(answer.body, { status: answer.status, headers: passed });
}
