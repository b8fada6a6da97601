import { randomUUID } from 'node:crypto';
import { getApp } from 'firebase-admin/app';
import { ObjectId } from 'mongodb';
import { createIndexArchive } from '../../src/archive/indexPages.ts';
import { minuteMs, systemClock } from '../../src/clock.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { createControlReader } from '../../src/control/control.ts';
import { eventId, type ProjectEvent } from '../../src/events/contract.ts';
import type { FileSettings } from '../../src/files/fileSettings.ts';
import { indexAsset } from '../../src/files/indexAsset.ts';
import { removeDueFiles } from '../../src/files/removeDueFiles.ts';
import shipped from '../../src/lockstep.config.ts';
import { connectSource } from '../../src/source/connect.ts';
import { estimateProjects } from '../../src/source/estimateProjects.ts';
import { createProjectTruth } from '../../src/source/truth.ts';
import { openBucket } from '../../src/storage/bucket.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';
import { createSyncMemory } from '../../src/sync/memory/memory.ts';
import { createThrottle } from '../../src/sync/pages/throttle.ts';
import { createSyncWorker } from '../../src/sync/worker.ts';
import { localBuckets } from '../stack.ts';
import type { Row } from './table.ts';
import type { Scenario, World } from './world.ts';

/** The configuration that ships has no files, since a deployment would need a bucket for them. So this scenario runs
 *  the same code here, on the same servers, with a collection of its own. */
const config = defineConfig({
  source: { ...shipped.source, fields: ['name'], ids: [...shipped.source.ids] },
  collections: [{ path: 'posters', projectId: 'projectId', files: ['imageUrl', 'layers[].url'] }],
});

/** In production files wait an hour, in which the news of other assets arrives. */
const settings: FileSettings = {
  place: { bucket: localBuckets.FILES_BUCKET, prefix: 'posters/', emulator: null },
  graceMs: 0,
};

const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet, alarm: quiet };

/** Two posters, of a project that is gone and of one that lives, which have a background in common. */
async function run({ stack, firestore, projects, events, observer }: World): Promise<readonly Row[]> {
  const source = await connectSource(stack.mongodbUri, config);
  try {
    const bucket = await openBucket(getApp(), settings.place.bucket, systemClock);
    const [gone, lives] = [String(new ObjectId()), new ObjectId()];
    await projects.insertOne({ _id: lives, name: 'Still in production' });
    const [own, shared] = [`posters/${gone}/title.png`, `posters/${gone}/sky.png`];
    for (const name of [own, shared]) await bucket.saveIfAbsent(name, Buffer.from('a picture'));
    const url = `https://storage.googleapis.com/${settings.place.bucket}/${shared}`;
    const [first, second] = [firestore.doc(`posters/${gone}`), firestore.doc(`posters/${lives}`)];
    const layers = [{ url: `gs://${settings.place.bucket}/${shared}` }];
    await first.set({ projectId: gone, imageUrl: `gs://${settings.place.bucket}/${own}`, layers });
    await second.set({ projectId: String(lives), layers: [{ url }] });

    const base = { firestore, config, settings, bucket, clock: systemClock, log };
    const control = createControlReader(firestore, systemClock);
    const truth = createProjectTruth(source, config);
    const worker = createSyncWorker({
      ...base,
      truth,
      countProjects: () => estimateProjects(source),
      events,
      deadLetters: events,
      control,
      random: Math.random,
      uniqueId: randomUUID,
      files: settings,
      limits: defaultSyncLimits,
      throttle: createThrottle(),
      memory: createSyncMemory(),
    });
    // As the functions do that watch a collection.
    const watched = () => Promise.all([first, second].map(({ path }) => indexAsset(base, path)));
    const budget = () => ({ deadline: systemClock.now() + minuteMs, signal: new AbortController().signal });
    await watched();
    const begun = performance.now();
    const { version } = await truth.ask([gone]);
    const deletion: ProjectEvent = {
      specversion: 1,
      id: eventId(gone, version),
      type: 'ProjectDeleted',
      projectId: gone,
      version,
      occurredAt: new Date().toISOString(),
      changes: {},
      origin: { service: 'demo', channel: 'demo' },
    };
    await worker.apply(deletion, { ...budget(), force: true });
    const before = await leftOf(bucket, gone);
    await watched();
    const indexArchive = createIndexArchive({ ...base, cold: null });
    await removeDueFiles({ ...base, control, indexArchive }, budget());
    const latencyMs = performance.now() - begun;
    const after = await leftOf(bucket, gone);
    const posters = await observer.countOf(firestore.collection('posters'));
    return [
      {
        what: 'delete, where posters name files',
        expected: 'its own file goes after it; what another poster names stays',
        mongodb: 'no such project',
        firestore: `${posters} poster left; files: ${before.length} before, then ${after.join(', ')}`,
        passed: before.length === 2 && after.length === 1 && after[0] === 'sky.png' && posters === 1,
        latencyMs,
      },
    ];
  } finally {
    await source.close();
  }
}

async function leftOf(bucket: Awaited<ReturnType<typeof openBucket>>, project: string): Promise<string[]> {
  const prefix = `posters/${project}/`;
  const { objects } = await bucket.list({ prefix, limit: 10 });
  return objects.map(({ name }) => name.slice(prefix.length));
}

/** Files of deleted assets go, unless another asset names them. */
export const fileScenario: Scenario = { title: 'the files of a deleted poster go', run };
