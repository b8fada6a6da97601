import { Firestore } from 'firebase-admin/firestore';
import config from '../../src/lockstep.config.ts';
import { connectSource } from '../../src/source/connect.ts';
import { relayHasPlace } from '../relayHasPlace.ts';
import type { Stack } from '../stack.ts';
import { documentsFor, type SeedSize, seed } from './seed.ts';
import { until, untilKnown } from './untilKnown.ts';

/** Progress is told so often, whatever the size. */
const steps = 10;

/** Fills a local stack, and waits until its functions know every project. Ends early when it is to stop.
 *  @throws SeedRefusedError when MongoDB holds other projects */
export async function seedStack(
  { mongodbUri, firestoreHost, variables, runtime }: Stack,
  size: SeedSize,
  { signal, say }: { readonly signal: AbortSignal; readonly say: (text: string) => void },
): Promise<void> {
  const source = await connectSource(mongodbUri, config);
  const firestore = new Firestore({
    projectId: variables.GCLOUD_PROJECT ?? '',
    host: firestoreHost,
    ssl: false,
    ...(variables.FIRESTORE_DATABASE && { databaseId: variables.FIRESTORE_DATABASE }),
  });
  const startedAt = performance.now();
  const seconds = () => `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;
  let told = 0;
  try {
    // Its first start begins with what happens from then on.
    if (runtime !== undefined)
      await until('the relay to tail the change stream', signal, () => relayHasPlace(firestore));
    say(`seeding ${count(size.projects)} projects with ${count(size.assets)} assets each ...`);
    await seed({ projects: source.projects, firestore }, size, {
      signal,
      onProgress({ projects, documents }) {
        const step = Math.floor((projects * steps) / size.projects);
        if (step === told) return;
        told = step;
        say(`  ${count(projects)} of ${count(size.projects)} projects, ${count(documents)} documents, ${seconds()}`);
      },
    });
    if (runtime !== undefined) await untilKnown(firestore, size.projects, signal);
    if (signal.aborted) return;
    const documents = size.projects * documentsFor(size.assets);
    const known = runtime === undefined ? '' : ', and the functions know them all';
    say(`seeded ${count(size.projects)} projects, ${count(documents)} documents in ${seconds()}${known}`);
  } finally {
    await firestore.terminate();
    await source.close();
  }
}

const count = (value: number) => value.toLocaleString('en');
