import type { Firestore } from 'firebase-admin/firestore';
import type { EncodedMessage } from '../../../src/events/codec.ts';
import { isOlderState, projectConvergedSchema, type StateOrder } from '../../../src/events/contract.ts';
import { textFromDocumentId } from '../../../src/records/documentIds.ts';
import {
  effectiveHold,
  type ProjectRecord,
  parseProjectRecord,
  projectRecordRef,
} from '../../../src/records/projectRecord.ts';
import { recordedSince } from '../../../src/sync/notifyConverged.ts';
import type { Violation } from '../world.ts';

/** Compares what others are notified of with the records of projects. */
export interface ConvergedWatch {
  /** A message that the topic has taken. It must not say more than the record of the project does by now. */
  taken(message: EncodedMessage): Promise<void>;
  /** Projects whose assets show a state of which nobody was notified, and what was said too early.
   *  @param isLossy events were lost on purpose: also such that only notify others */
  violations(isLossy: boolean): Promise<readonly Violation[]>;
}

export function createConvergedWatch(firestore: Firestore): ConvergedWatch {
  const newest = new Map<string, StateOrder>();
  const early: Violation[] = [];
  return {
    async taken({ data }) {
      const published = projectConvergedSchema.parse(JSON.parse(data.toString()));
      const { projectId } = published;
      const snapshot = await projectRecordRef(firestore, projectId).get();
      const record = parseProjectRecord(projectId, snapshot.data());
      if (record.appliedRevision < published.revision) {
        early.push({ what: 'others are notified of what is not on record', detail: `${projectId}: ${published.id}` });
      }
      const known = newest.get(projectId);
      if (known === undefined || isOlderState(known, published)) newest.set(projectId, published);
    },
    async violations(isLossy) {
      if (isLossy) return early;
      const { docs } = await firestore.collection('syncProjects').get();
      const unpublished = docs.flatMap((document) => {
        const record = parseProjectRecord(textFromDocumentId(document.id), document.data());
        return isUnpublished(record, recordedSince(document.createTime), newest) ? [unpublishedOf(record)] : [];
      });
      return [...early, ...unpublished];
    },
  };
}

function isUnpublished(record: ProjectRecord, since: string, newest: Map<string, StateOrder>): boolean {
  const { projectId, desired, revision, appliedRevision } = record;
  if (
    effectiveHold(record) !== null ||
    desired.version === null ||
    desired.kind === 'unknown' ||
    appliedRevision < revision
  )
    return false;
  const published = newest.get(projectId);
  return published === undefined || isOlderState(published, { recordedSince: since, revision });
}

function unpublishedOf({ projectId, desired, revision }: ProjectRecord): Violation {
  return {
    what: 'nobody is notified of a state that assets show',
    detail: `${projectId}: ${desired.kind} ${desired.version}, revision ${revision}`,
  };
}
