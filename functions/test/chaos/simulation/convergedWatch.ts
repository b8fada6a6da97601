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
import type { Violation } from '../world.ts';

/** Compares what others are notified of with the records of projects. */
export interface ConvergedWatch {
  /** A message that the topic has taken. It must not say more than the record of the project does by now. */
  taken(message: EncodedMessage): Promise<void>;
  /** Projects whose assets show a state of which nobody was notified, and what was said too early. */
  violations(): Promise<readonly Violation[]>;
}

export function createConvergedWatch(firestore: Firestore): ConvergedWatch {
  const newest = new Map<string, StateOrder>();
  const early: Violation[] = [];
  return {
    async taken({ data }) {
      const told = projectConvergedSchema.parse(JSON.parse(data.toString()));
      const { projectId } = told;
      const snapshot = await projectRecordRef(firestore, projectId).get();
      const record = parseProjectRecord(projectId, snapshot.data());
      if (record.appliedRevision < told.revision) {
        early.push({ what: 'others are notified of what is not on record', detail: `${projectId}: ${told.id}` });
      }
      const known = newest.get(projectId);
      if (known === undefined || isOlderState(known, told)) newest.set(projectId, told);
    },
    async violations() {
      const { docs } = await firestore.collection('syncProjects').get();
      const records = docs.map((document) => parseProjectRecord(textFromDocumentId(document.id), document.data()));
      return [...early, ...records.filter((record) => isUntold(record, newest)).map(untold)];
    },
  };
}

function isUntold(record: ProjectRecord, newest: Map<string, StateOrder>): boolean {
  const { projectId, desired, revision, appliedRevision } = record;
  if (
    effectiveHold(record) !== null ||
    desired.version === null ||
    desired.kind === 'unknown' ||
    appliedRevision < revision
  )
    return false;
  const told = newest.get(projectId);
  return told === undefined || isOlderState(told, { version: desired.version, revision });
}

function untold({ projectId, desired, revision }: ProjectRecord): Violation {
  return {
    what: 'nobody is notified of a state that assets show',
    detail: `${projectId}: ${desired.kind} ${desired.version}, revision ${revision}`,
  };
}
