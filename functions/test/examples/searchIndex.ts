// An example for docs/consistency.md: a third store, a search index of projects, that follows the topic of converged
// projects with a function and an acknowledgement of its own. In your code the import is 'lockstep/events'.
import { onMessagePublished } from 'firebase-functions/v2/pubsub';
import { type Collection, MongoClient, MongoServerError } from 'mongodb';
import { type ProjectConverged, projectConvergedSchema } from '../../src/events/contract.ts';

/** What the index holds of a project. One that is deleted keeps its line without a title, so that a late message about
 *  its life is known to be old. */
export interface IndexedProject {
  readonly _id: string;
  readonly recordedSince: string;
  readonly revision: number;
  readonly title: string | null;
}

/** https://www.mongodb.com/docs/manual/reference/error-codes/ */
const duplicateKey = 11_000;

/** Applies a state unless the index shows a newer one: in one atomic write, whatever arrives when, and how often. */
export async function applyState(index: Collection<IndexedProject>, state: ProjectConverged): Promise<void> {
  const { projectId: _id, recordedSince, revision, kind, fields } = state;
  const title = kind === 'live' && typeof fields.name === 'string' ? fields.name : null;
  const isNotNewer = [{ recordedSince: { $lt: recordedSince } }, { recordedSince, revision: { $lte: revision } }];
  try {
    await index.updateOne({ _id, $or: isNotNewer }, { $set: { recordedSince, revision, title } }, { upsert: true });
  } catch (error) {
    // There is a line, and it is newer: the upsert has found nothing to update, and could not insert.
    if (!(error instanceof MongoServerError && error.code === duplicateKey)) throw error;
  }
}

let client: MongoClient | undefined;

/** Returning acknowledges the message; throwing has it redelivered. Lockstep knows nothing of it. */
export const indexProject = onMessagePublished(
  { topic: 'project-converged', retry: true, memory: '256MiB' },
  async ({ data }) => {
    const state = projectConvergedSchema.parse(data.message.json);
    client ??= new MongoClient(process.env.SEARCH_URI ?? '');
    await applyState(client.db('search').collection('projects'), state);
  },
);
