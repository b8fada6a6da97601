import type { ProjectsSource } from './connect.ts';

/** How long the count may take on the server, in ms: it is answered from metadata, so anything but an instant means
 *  trouble. */
const maxTimeMs = 10_000;

/** About how many projects there are, at the cost of one short call however many they are
 *  (https://www.mongodb.com/docs/manual/reference/method/db.collection.estimatedDocumentCount/).
 *  @throws MongoError when MongoDB did not answer: never to be taken for "none". */
export function estimateProjects(source: ProjectsSource): Promise<number> {
  return source.projects.estimatedDocumentCount({ maxTimeMS: maxTimeMs });
}
