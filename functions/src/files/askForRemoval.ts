import type { Firestore } from 'firebase-admin/firestore';
import type { Clock } from '../clock.ts';
import { type ControlReader, pauseOf } from '../control/control.ts';
import { encodeFilesRequest } from '../events/requestedWork.ts';
import type { Publisher } from '../publisher.ts';
import { dueRemovals } from './fileRecords.ts';

/** Asks with a message for the removal of files, if any is due and deletions are not paused. Costs 1 read when none is.
 *  @throws what Firestore or Pub/Sub answered; the next call asks again. */
export async function askForRemoval({
  firestore,
  clock,
  control,
  requests,
}: {
  readonly firestore: Firestore;
  readonly clock: Clock;
  readonly control: ControlReader;
  readonly requests: () => Promise<Publisher>;
}): Promise<boolean> {
  if (pauseOf(await control.read(), 'deletions') !== undefined) return false;
  const { empty } = await dueRemovals(firestore, clock.now()).limit(1).select().get();
  if (empty) return false;
  await (await requests()).publish(encodeFilesRequest());
  return true;
}
