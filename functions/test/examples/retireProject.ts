// An example for docs/consistency.md: a saga of the service that owns the projects. Retiring a project takes three
// systems: MongoDB, the assets, and a billing service that may refuse. What it refuses is compensated: the project
// lives again, and its assets come back from the archive. In your code the import is 'lockstep/in-step'.
import type { Collection, Document, MongoClient, ObjectId, Timestamp } from 'mongodb';
import type { InStep } from '../../src/inStep/inStep.ts';

/** How far a retirement is: the service keeps it, so that it goes on after a crash. Each step may be done twice. */
export interface Retirement {
  readonly _id: ObjectId;
  /** The project as it was: what the compensation brings back. */
  readonly project: Document;
  readonly step: 'delete' | 'bill' | 'revive' | 'restore' | 'retired' | 'kept';
}

export interface RetireServices {
  readonly client: MongoClient;
  readonly projects: Collection;
  readonly retirements: Collection<Retirement>;
  readonly waitUntilInStep: (
    projectId: string,
    options: { readonly atLeast: Timestamp; readonly timeoutMs: number },
  ) => Promise<InStep>;
  /** Ends the subscription; false when billing refuses. Idempotent. */
  readonly endSubscription: (projectId: string) => Promise<boolean>;
  /** `POST /api/operations/restore`; asking twice is asking once. */
  readonly restore: (projectId: string) => Promise<void>;
}

/** Goes on with a retirement until it is over.
 *  @throws what a step failed with: call it again, from a queue or a schedule of yours. */
export async function retire(services: RetireServices, retirement: Retirement): Promise<'retired' | 'kept'> {
  let { step } = retirement;
  while (step !== 'retired' && step !== 'kept') {
    step = await next[step](services, retirement);
    await services.retirements.updateOne({ _id: retirement._id }, { $set: { step } });
  }
  return step;
}

const next: Readonly<
  Record<
    Exclude<Retirement['step'], 'retired' | 'kept'>,
    (services: RetireServices, retirement: Retirement) => Promise<Retirement['step']>
  >
> = {
  async delete(services, { _id }) {
    const deletedAt = await written(services, (session) => services.projects.deleteOne({ _id }, { session }));
    const outcome = await services.waitUntilInStep(String(_id), { atLeast: deletedAt, timeoutMs: 10_000 });
    // A deletion that is held waits for a person: this saga waits with it.
    if (outcome.kind !== 'deleted') throw new Error(`the assets of ${_id} are not gone yet: ${outcome.kind}`);
    return 'bill';
  },
  async bill({ endSubscription }, { _id }) {
    return (await endSubscription(String(_id))) ? 'retired' : 'revive';
  },
  async revive(services, { _id, project }) {
    const revivedAt = await written(services, (session) =>
      services.projects.replaceOne({ _id }, project, { session, upsert: true }),
    );
    const outcome = await services.waitUntilInStep(String(_id), { atLeast: revivedAt, timeoutMs: 10_000 });
    // Nothing is restored into a project that is not known to live.
    if (outcome.kind !== 'in-step') throw new Error(`${_id} is not known to live again: ${outcome.kind}`);
    return 'restore';
  },
  async restore({ restore }, { _id }) {
    await restore(String(_id));
    return 'kept';
  },
};

type Session = ReturnType<MongoClient['startSession']>;

/** Writes, and says when that was by MongoDB's clock. */
function written({ client }: RetireServices, write: (session: Session) => Promise<unknown>): Promise<Timestamp> {
  return client.withSession(async (session) => {
    await write(session);
    if (session.operationTime === undefined) throw new Error('MongoDB is no replica set');
    return session.operationTime;
  });
}
