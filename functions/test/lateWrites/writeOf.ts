import type { DocumentSnapshot } from 'firebase-admin/firestore';
import { Change, type FirestoreEvent } from 'firebase-functions/v2/firestore';

/** The event of a write that left a document like this, of a document that was not there before. */
export function writeOf(after: DocumentSnapshot): FirestoreEvent<Change<DocumentSnapshot>> {
  return {
    specversion: '1.0',
    id: `write of ${after.ref.path}`,
    source: '//firestore.googleapis.com/projects/demo-test/databases/(default)',
    type: 'google.cloud.firestore.document.v1.written',
    time: new Date().toISOString(),
    location: 'local',
    project: 'demo-test',
    database: '(default)',
    namespace: '(default)',
    document: after.ref.path,
    params: {},
    data: Change.fromObjects(after, after),
  };
}
