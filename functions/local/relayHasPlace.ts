import type { Firestore } from 'firebase-admin/firestore';
import { recordCollections } from '../src/config/defineConfig.ts';

/** Whether the relay has kept a place in the change stream: from then on no change is missed. It takes its lease before
 *  that, so a record alone says nothing. */
export async function relayHasPlace(firestore: Firestore): Promise<boolean> {
  const { docs } = await firestore.collection(recordCollections.relay).get();
  return docs.some((record) => record.get('resumeToken') !== null || record.get('startAtOperationTime') !== null);
}
