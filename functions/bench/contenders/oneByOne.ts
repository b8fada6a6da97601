import type { Contender } from './contender.ts';
import { keysOfAssets } from './contender.ts';

/** One query, then one awaited call for each document: how it is written at first. */
export const oneByOne: Contender = async (firestore, work) => {
  const { docs } = await keysOfAssets(firestore, work).get();
  for (const { ref } of docs) {
    if (work.kind === 'delete') await ref.delete();
    else await ref.update({ projectName: work.name });
  }
};
