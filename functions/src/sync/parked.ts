import { type DocumentSnapshot, FieldPath, FieldValue, type Firestore, type Query } from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../config/defineConfig.ts';
import type { ControlReader } from '../control/control.ts';
import { decodeEvent, encodeEvent } from '../events/codec.ts';
import { isOvertaken } from '../grpc.ts';
import { errorText, type Log } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import { type Restraint, restraintsNow } from './restraint.ts';

export interface ParkedDependencies {
  readonly firestore: Firestore;
  /** Topic of events. */
  readonly events: () => Promise<Publisher>;
  readonly control: ControlReader;
  /** Whether this deployment writes no assets. */
  readonly isShadow: boolean;
  readonly log: Log;
}

/** Parked events in memory at once. */
const pageSize = 100;

/** Values that one query may exclude: https://firebase.google.com/docs/firestore/query-data/queries#limitations */
const mostExcluded = 10;

const parkedSchema = z.looseObject({ event: z.string(), parkedFor: z.string() });

/** Publishes the events whose work was parked for what is over by now, and returns how many there were. Whoever runs
 *  regularly calls it: a crash in between publishes an event twice, which does no harm. Costs one read when there is
 *  none, also while thousands wait for a pause that goes on.
 *  @throws what Firestore answered to the listing; an event that cannot be published is logged and stays. */
export async function continueParked(dependencies: ParkedDependencies): Promise<number> {
  const { firestore, control, isShadow } = dependencies;
  let published = 0;
  let last: DocumentSnapshot | undefined;
  do {
    const restraints = restraintsNow(await control.read(), isShadow);
    const query = parkedJobs(firestore, restraints).limit(pageSize);
    const page = await (last === undefined ? query : query.startAfter(last)).get();
    const due = page.docs.filter((job) => !restraints.some((restraint) => restraint === job.get('parkedFor')));
    const done = await Promise.all(due.map((job) => publishAgain(dependencies, job)));
    published += done.filter(Boolean).length;
    last = page.size === pageSize ? page.docs.at(-1) : undefined;
  } while (last !== undefined);
  return published;
}

/** The jobs that are parked, without those that wait for what goes on. */
function parkedJobs(firestore: Firestore, restraints: readonly Restraint[]): Query {
  const jobs = firestore.collection(recordCollections.jobs);
  const some =
    restraints.length === 0
      ? jobs.where('parkedFor', '>', '')
      : jobs.where('parkedFor', 'not-in', restraints.slice(0, mostExcluded));
  return some.orderBy('parkedFor').orderBy(FieldPath.documentId());
}

/** From here on its message stands for it. */
async function publishAgain({ events, log }: ParkedDependencies, job: DocumentSnapshot): Promise<boolean> {
  try {
    const { event } = parkedSchema.parse(job.data());
    const decoded = decodeEvent(Buffer.from(event));
    if (!decoded.ok) throw new Error(`event: ${decoded.reason}`);
    await (await events()).publish(encodeEvent(decoded.event));
    const seen = job.updateTime === undefined ? {} : { lastUpdateTime: job.updateTime };
    await job.ref.update({ parkedFor: FieldValue.delete() }, seen).catch((error: unknown) => {
      // Its work has begun, and ended or was parked again: the job says so.
      if (!isOvertaken(error)) throw error;
    });
    return true;
  } catch (error) {
    log.error('a parked event could not be published; it is kept and retried', {
      record: job.ref.path,
      error: errorText(error),
    });
    return false;
  }
}
