import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { CloudFunction } from 'firebase-functions/v2';
import type { Change, DocumentSnapshot, FirestoreEvent } from 'firebase-functions/v2/firestore';
import type { AssetCollection } from '../config/defineConfig.ts';
import * as params from '../config/params.ts';
import { isWatched, watchedDocuments, watchName } from '../config/watched.ts';
import { projectIdProblem } from '../events/projectId.ts';
import { deployedFileSettings } from '../files/deployedFiles.ts';
import type { Guard, WrittenAsset } from '../lateWrites/guard.ts';
import { networkOptions } from './networkOptions.ts';
import { eventsPublisher, projectTruth, type Services } from './services.ts';

type WriteEvent = FirestoreEvent<Change<DocumentSnapshot> | undefined>;
export type WatchFunction = CloudFunction<WriteEvent>;

/** The functions that are called with each write of a watched collection's documents, one per collection, by name. They
 *  are deployed as `watch-NAME`.
 *
 *  Costs per write: 1 read of the project's record; a late one 1 more, and a question to MongoDB
 *  (`lateWrites/guard.ts`). Nothing where the write deletes the document or gives it no valid project id. With `files`,
 *  2 reads and 1 write where the write changes which ones the asset names. Needs:
 *  Firestore, publishing to the topics of events, MongoDB for what is late. */
export function watchAssetsFunctions(services: Services): Readonly<Record<string, WatchFunction>> {
  const watched = services.config.collections.filter(isWatched);
  if (watched.length === 0 || isOfAnother(process.env.FUNCTION_TARGET)) return {};
  const { onDocumentWritten } = firestoreTriggers();
  const guard = onceCreated(services);
  return Object.fromEntries(
    watched.map((collection) => [
      watchName(collection),
      onDocumentWritten(
        {
          document: watchedDocuments(collection),
          database: params.firestoreDatabase.expression,
          region: params.region.expression,
          // A late write that was not checked would stay until a visit or a reconciliation finds it.
          retry: true,
          timeoutSeconds: 60,
          memory: '512MiB',
          cpu: 1,
          // Mostly one read of a small record; but each event brings the document before and after, a MiB each at most.
          concurrency: 20,
          maxInstances: 10,
          secrets: [params.mongodbUri],
          ...networkOptions(services.config),
          serviceAccount: 'lockstep-watch@',
        },
        async (event) => {
          if (collection.files.length > 0) await recordFiles(services, event);
          const asset = writtenAsset(collection, event);
          if (asset === undefined || !collection.guard) return;
          await (await guard()).check(asset);
        },
      ),
    ]),
  );
}

/** Keeps the record of which files the asset names, where the write has changed that (`files/indexAsset.ts`). */
async function recordFiles(services: Services, { data }: WriteEvent): Promise<void> {
  const settings = deployedFileSettings(services.config);
  if (settings === undefined || data === undefined) return;
  const { changesFiles, indexAsset } = await import('../files/indexAsset.ts');
  const { config } = services;
  // Not the event's own `document`: it comes in a header, which Node reads as Latin-1, and names another document where
  // an id has other characters (https://github.com/firebase/firebase-functions/issues/1459).
  const { path } = (data.after.exists ? data.after : data.before).ref;
  if (!changesFiles({ config, settings }, path, data.before.data(), data.after.data())) return;
  await indexAsset({ firestore: await services.firestore(), config, settings }, path);
}

/** The asset that a write leaves; undefined where it leaves none, or one of nobody. */
export function writtenAsset(collection: AssetCollection, { data }: WriteEvent): WrittenAsset | undefined {
  const after = data?.after;
  if (after?.updateTime === undefined) return undefined;
  const projectId: unknown = collection.projectId
    .split('.')
    .reduce<unknown>((value, key) => (isMap(value) ? value[key] : undefined), after.data());
  if (typeof projectId !== 'string' || projectIdProblem(projectId) !== undefined) return undefined;
  return { collection, path: after.ref.path, projectId, writtenAt: after.updateTime.toMillis() };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function onceCreated(services: Services): () => Promise<Guard> {
  let created: Promise<Guard> | undefined;
  async function create(): Promise<Guard> {
    const [{ createGuard }, { defaultLateWriteLimits }] = await Promise.all([
      import('../lateWrites/guard.ts'),
      import('../lateWrites/limits.ts'),
    ]);
    return createGuard({
      clock: services.clock,
      log: services.log,
      firestore: await services.firestore(),
      events: await eventsPublisher(services),
      truth: projectTruth(services),
      limits: defaultLateWriteLimits,
    });
  }
  return () => {
    created ??= create().catch((error: unknown) => {
      created = undefined;
      throw error;
    });
    return created;
  };
}

/** Whether this process runs a function that watches nothing: Cloud Functions name it there. A deployment, which asks
 *  for all of them, has no such variable. */
function isOfAnother(target: string | undefined): boolean {
  return target !== undefined && !target.startsWith('watch.');
}

/** Loaded only where it is needed, since it loads all of the Admin SDK for Firestore; and at once, since a deployment
 *  reads the exports when the module has been evaluated, and Firebase's emulator refuses one that awaits. */
function firestoreTriggers(): typeof import('firebase-functions/v2/firestore') {
  return createRequire(import.meta.url)(fileURLToPath(import.meta.resolve('firebase-functions/v2/firestore')));
}
