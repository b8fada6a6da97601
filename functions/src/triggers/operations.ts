import { getRequestListener } from '@hono/node-server';
import { onRequest } from 'firebase-functions/v2/https';
import * as params from '../config/params.ts';
import type { Services } from './services.ts';

/** The operations room's API below `/api`: what the page shows, and what it decides.
 *
 *  Costs: reads as functions/docs/api.md lists them, per request. Needs: Firestore, publishing to the topics of events
 *  and of requests, looking up users. It never sees MongoDB's connection string. */
export function operationsFunction(services: Services) {
  let listener: Promise<ReturnType<typeof getRequestListener>> | undefined;
  return onRequest(
    {
      region: params.region.expression,
      timeoutSeconds: 60,
      memory: '512MiB',
      cpu: 1,
      concurrency: 40,
      // What an instance remembers of rates and of lists counts per instance: the fewer, the cheaper.
      maxInstances: 3,
      // Whoever asks is known by a token, which the API verifies; Hosting's rewrite calls without one of IAM.
      invoker: 'public',
      serviceAccount: 'lockstep-operations@',
    },
    async (request, response) => {
      listener ??= createListener(services);
      await (await listener)(request, response);
    },
  );
}

async function createListener(services: Services) {
  const [{ createApi }, { routes }, { createViews }, { createFirebaseIdentity }, { getAuth }] = await Promise.all([
    import('../api/api.ts'),
    import('../api/routes.ts'),
    import('../api/readers/createViews.ts'),
    import('../api/identity/firebaseIdentity.ts'),
    import('firebase-admin/auth'),
  ]);
  const { clock, log, config } = services;
  const firestore = await services.firestore();
  const views = createViews({ firestore, config, clock });
  const api = createApi({
    routes,
    views: async () => views,
    // The default app is made together with Firestore's client.
    identity: createFirebaseIdentity(async () => getAuth(), process.env),
    clock,
    log,
  });
  return getRequestListener(api, { overrideGlobalObjects: false });
}
