import type { DocumentSnapshot } from 'firebase-admin/firestore';
import { recordCollections } from '../../config/defineConfig.ts';
import { newest, type Version } from '../../events/version.ts';
import { documentIdFrom } from '../../records/documentIds.ts';
import {
  effectiveHold,
  ProjectRecordError,
  parseProjectRecord,
  projectRecordRef,
} from '../../records/projectRecord.ts';
import type { Run } from '../runRecord.ts';
import { endOfStrings } from './firestoreAssetIndex.ts';
import type { IdRange } from './idOrder.ts';

/** What Lockstep itself knows of a project. */
export interface KnownState {
  /** `none`: there is no record. `unreadable`: there is one, and it says nothing. */
  readonly kind: 'none' | 'unreadable' | 'unknown' | 'live' | 'deleted';
  /** Version of the newest change that told the kind. */
  readonly version: Version | null;
  /** The newest version in it, of whatever. */
  readonly newest: Version | null;
  /** Whether its deletion is held, or was decided against. */
  readonly isHeld: boolean;
  /** When its deletion became known, ms since 1970. */
  readonly deletedAt: number | null;
  /** Whether its assets do not show its newest state yet. */
  readonly isPending: boolean;
}

export const noRecord: KnownState = {
  kind: 'none',
  version: null,
  newest: null,
  isHeld: false,
  deletedAt: null,
  isPending: false,
};

/** A record in the order of project ids. */
export interface KnownProject {
  readonly projectId: string;
  readonly known: KnownState;
}

/** Records in one page: a record holds every copied field, so a page of them may be large. */
const recordsPerPage = 100;

/** The records of a range of project ids, in their order. One read each, and one for a range without any. */
export async function* recordsIn(run: Run, range: IdRange): AsyncGenerator<KnownProject> {
  const { firestore, gate, job } = run;
  const sorted = firestore.collection(recordCollections.projects).orderBy('projectId').limit(recordsPerPage);
  let from = sorted.startAt(range.from);
  for (;;) {
    const query = from.endBefore(range.to ?? endOfStrings);
    const { docs } = await gate.pass(recordsPerPage, () => query.get());
    job.recordReads += Math.max(1, docs.length);
    for (const document of docs) {
      const projectId = String(document.get('projectId'));
      // A copy that somebody made under another name is no record.
      if (document.id === documentIdFrom(projectId)) yield { projectId, known: knownStateOf(projectId, document) };
    }
    const last = docs.at(-1);
    if (last === undefined || docs.length < recordsPerPage) return;
    from = sorted.startAfter(last);
  }
}

/** The records of some projects as they are now: one read each. */
export async function readRecords(run: Run, projectIds: readonly string[]): Promise<ReadonlyMap<string, KnownState>> {
  if (projectIds.length === 0) return new Map();
  const { firestore, gate, job } = run;
  const refs = projectIds.map((id) => projectRecordRef(firestore, id));
  const documents = await gate.pass(refs.length, () => firestore.getAll(...refs));
  job.recordReads += refs.length;
  return new Map(
    projectIds.map((id, index) => {
      const document = documents[index];
      return [id, document === undefined ? noRecord : knownStateOf(id, document)];
    }),
  );
}

function knownStateOf(projectId: string, document: DocumentSnapshot): KnownState {
  if (!document.exists) return noRecord;
  try {
    const record = parseProjectRecord(projectId, document.data());
    const { kind, version, deletedVersion, fields } = record.desired;
    const versions = [version, deletedVersion, ...Object.values(fields).map((field) => field.version)];
    return {
      kind,
      version,
      newest: versions.reduce(newest, null),
      isHeld: effectiveHold(record) !== null,
      deletedAt: record.deletedAt,
      isPending: record.appliedRevision < record.revision,
    };
  } catch (error) {
    // Says nothing about the project, so only MongoDB counts; the repair meets the same record and reports it.
    if (error instanceof ProjectRecordError) return { ...noRecord, kind: 'unreadable' };
    throw error;
  }
}
