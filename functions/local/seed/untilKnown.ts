import type { Firestore } from 'firebase-admin/firestore';
import { recordCollections } from '../../src/config/defineConfig.ts';
import { projectsFrom } from './seed.ts';

/** How long nothing new may come before something must be wrong, in ms. */
const patienceMs = 60_000;

const lookEveryMs = 250;

/** Resolves when there is a record of every seeded project, and the work on it is done. Or when it is to stop.
 *  @throws Error when no further one appears, or work goes on, for a minute */
export async function untilKnown(firestore: Firestore, projects: number, signal: AbortSignal): Promise<void> {
  const records = firestore.collection(recordCollections.projects);
  const ids = projectsFrom(0, projects).map(({ _id }) => _id.toHexString());
  const known = records.where('projectId', '>=', ids.at(0) ?? '').where('projectId', '<=', ids.at(-1) ?? '');
  for (let most = 0; most < projects && !signal.aborted; ) {
    const before = most;
    await until(`a record of more than ${before} of ${projects} seeded projects`, signal, async () => {
      most = (await known.count().get()).data().count;
      return most > before;
    });
  }
  const unapplied = records.where('appliedRevision', '==', 0);
  await until(
    'the work on the seeded projects',
    signal,
    async () => (await unapplied.count().get()).data().count === 0,
  );
}

/** Resolves when a condition holds, or when it is to stop.
 *  @throws Error that says what was waited for, after a minute */
export async function until(what: string, signal: AbortSignal, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!signal.aborted && !(await condition())) {
    if (performance.now() > deadline) {
      throw new Error(`waited ${patienceMs / 1_000} s for ${what}; --verbose shows what the functions log`);
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}
