import { FieldPath, type Firestore } from 'firebase-admin/firestore';
import { assetCollection } from './contenders/contender.ts';
import { machineMs } from './processes/machineClock.ts';

/** Looks at the assets of one project, from outside. */
export interface AssetWatch {
  /** The time of the machine, in ms, at which the last asset was seen to be gone. */
  readonly gone: Promise<number>;
  /** What its own looking was billed so far. */
  reads(): number;
  stop(): void;
}

/** Listens until a project has no assets. Resolves when the first of them has been seen.
 *
 *  It listens to the asset with the largest key only: whoever deletes in the order of the keys moves that result once,
 *  at the end. With the smallest, each single deletion would make the server tell of the next asset, and watching would
 *  slow down what is watched. */
export async function watchAssets(firestore: Firestore, projectId: string, timeoutMs: number): Promise<AssetWatch> {
  const last = firestore
    .collection(assetCollection)
    .where('projectId', '==', projectId)
    .orderBy(FieldPath.documentId(), 'desc')
    .select()
    .limit(1);
  const seen = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<number>();
  let reads = 0;
  const stopListening = last.onSnapshot(
    (snapshot) => {
      const now = machineMs();
      reads += snapshot.docChanges().filter(({ type }) => type !== 'removed').length;
      if (!snapshot.empty) seen.resolve();
      else gone.resolve(now);
    },
    (error) => fail(error),
  );
  const timer = setTimeout(
    () => fail(new Error(`the assets of ${projectId} were not gone within ${timeoutMs / 1_000} s`)),
    timeoutMs,
  );
  const fail = (error: Error) => {
    seen.reject(error);
    gone.reject(error);
  };
  const stop = () => {
    clearTimeout(timer);
    stopListening();
  };
  // Whoever waits for it is notified; it must not end the process before somebody does.
  gone.promise.catch(() => undefined);
  await seen.promise.catch((error: unknown) => {
    stop();
    throw error;
  });
  return { gone: gone.promise, reads: () => reads, stop };
}
