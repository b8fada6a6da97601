import { getRequestListener } from '@hono/node-server';
import { onRequest } from 'firebase-functions/v2/https';
import type { Attestation } from '../api/identity/attestation.ts';
import type { Identity } from '../api/identity/session.ts';
import { dayMs } from '../clock.ts';
import * as params from '../config/params.ts';
import { publisherTo, type Services } from './services.ts';

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
  const [{ createFirebaseIdentity }, { createAttestation, noAttestation }, { getAuth }] = await Promise.all([
    import('../api/identity/firebaseIdentity.ts'),
    import('../api/identity/attestation.ts'),
    import('firebase-admin/auth'),
  ]);
  // The default app is made together with Firestore's client.
  const identity = createFirebaseIdentity(async () => getAuth(), process.env);
  const attestation =
    params.appCheck.value() === 'required'
      ? createAttestation(async () => (await import('firebase-admin/app-check')).getAppCheck())
      : noAttestation;
  return getRequestListener(await createOperationsApi(services, identity, attestation), {
    overrideGlobalObjects: false,
  });
}

/** The API of this process, with whoever knows the callers. */
export async function createOperationsApi(
  services: Services,
  identity: Identity,
  attestation?: Attestation,
): Promise<(request: Request) => Promise<Response>> {
  const [{ createApi }, { routes }, { createViews }] = await Promise.all([
    import('../api/api.ts'),
    import('../api/routes.ts'),
    import('../api/readers/createViews.ts'),
  ]);
  const { clock, log, config, uniqueId } = services;
  const firestore = await services.firestore();
  return createApi({
    routes,
    views: createViews({ firestore, config, clock, mode: () => params.syncMode.value() }),
    operations: async () => ({
      firestore,
      config,
      clock,
      log,
      uniqueId,
      publisherTo: publisherTo(services),
      retentionMs: params.jobRetentionDays.value() * dayMs,
    }),
    identity,
    ...(attestation && { attestation }),
    clock,
    log,
  });
}
