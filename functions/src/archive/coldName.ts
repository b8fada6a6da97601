import type { DocumentReference } from 'firebase-admin/firestore';
import { documentIdFrom } from '../records/documentIds.ts';
import type { ArchiveRecord } from './archiveRecord.ts';

/** The name of a record's object in cold storage. Of what the record holds now and nothing else: one that is rewritten
 *  has another. */
export function coldName({ id }: DocumentReference, { projectId, checksum }: ArchiveRecord): string {
  return `${coldPrefix(projectId)}${id}/${checksum}`;
}

/** What the names of all objects of a project begin with. */
export function coldPrefix(projectId: string): string {
  return `${documentIdFrom(projectId)}/`;
}
