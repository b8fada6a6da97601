import { Timestamp } from 'mongodb';
import type { ClusterTime } from '../events/version.ts';
import type { ProjectDocument, ProjectsSource } from '../source/connect.ts';
import { withoutCovered } from './changeStream/touchedFields.ts';

/** The fields of one project as they are now, but not older than `since`; null when the project is gone.
 *  @throws MongoError when MongoDB does not answer. */
export type FieldLookup = (
  id: ProjectDocument['_id'],
  fields: readonly string[],
  since: ClusterTime,
) => Promise<ProjectDocument | null>;

/** A lookup for the few changes that tell only a part of a configured field, instead of `fullDocument: 'updateLookup'`,
 *  with which MongoDB would look up every changed project. A causally consistent majority read sees the change itself
 *  even on a primary that was elected a moment ago. */
export function createFieldLookup({ client, projects }: ProjectsSource, timeoutMs: number): FieldLookup {
  return (id, fields, since) =>
    client.withSession({ causalConsistency: true }, (session) => {
      session.advanceOperationTime(new Timestamp({ t: since.seconds, i: since.increment }));
      return projects.findOne<ProjectDocument>(
        { _id: id },
        {
          session,
          timeoutMS: timeoutMs,
          readConcern: { level: 'majority' },
          projection: Object.fromEntries(withoutCovered(fields).map((field) => [field, 1] as const)),
        },
      );
    });
}
