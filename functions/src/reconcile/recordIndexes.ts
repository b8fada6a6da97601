import { recordCollections } from '../config/defineConfig.ts';
import { findingsCollection } from './jobRecord.ts';

/** What the fields of one collection of records need from Firestore, which indexes every field of every document by
 *  itself, and every key of a map. */
export interface RecordIndexing {
  readonly collectionGroup: string;
  /** Queries ask for these, so their own indexes must stay. */
  readonly queried: readonly string[];
  /** Nobody queries these. Without an exemption they cost writes and space, and those that only grow, such as a
   *  lease's expiry, a limit of 500 writes a second
   *  (https://firebase.google.com/docs/firestore/best-practices#hotspots). */
  readonly unindexed: readonly string[];
  /** Queries ask for one value of the first field, by the second from the newest on. Several filters are joined:
   *  https://firebase.google.com/docs/firestore/query-data/index-overview#taking_advantage_of_index_merging */
  readonly listedBy?: readonly (readonly [field: string, time: string])[];
  /** The time after which Firestore deletes a document: https://firebase.google.com/docs/firestore/ttl */
  readonly expires?: string;
}

/** Every collection of Lockstep's own records. */
export const recordIndexing: readonly RecordIndexing[] = [
  {
    collectionGroup: recordCollections.projects,
    queried: ['deletedAt', 'projectId', 'searchName', 'visitAt'],
    unindexed: ['desired', 'lease', 'progress', 'attempts', 'hold', 'open', 'parked', 'visitNumber'],
    expires: 'expireAt',
  },
  {
    collectionGroup: recordCollections.relay,
    queried: [],
    unindexed: ['resumeToken', 'startAtOperationTime', 'clusterTime', 'lease', 'checkpointAt', 'reconciliationPending'],
  },
  {
    collectionGroup: recordCollections.jobs,
    queried: ['status', 'startedAt', 'parkedFor'],
    unindexed: [
      'event',
      'finishedAt',
      'cursor',
      'errors',
      'origin',
      'updatedAt',
      'ranges',
      'collections',
      'examples',
      'repair',
      'phantoms',
      'files',
      'lastError',
      'lease',
      'open',
      'lastSource',
      'objects',
      'certificate',
    ],
    listedBy: [
      ['status', 'startedAt'],
      ['type', 'startedAt'],
      ['projectId', 'startedAt'],
    ],
    expires: 'expireAt',
  },
  // One index entry for each of thousands of elements would meet Firestore's limit of 40,000 a document.
  { collectionGroup: findingsCollection, queried: [], unindexed: ['entries'] },
  {
    collectionGroup: recordCollections.failures,
    queried: ['status', 'lastAt'],
    listedBy: [['status', 'lastAt']],
    unindexed: ['payload', 'attributes', 'preview', 'error'],
    expires: 'expireAt',
  },
  {
    collectionGroup: recordCollections.events,
    queried: ['projectId', 'receivedAt', 'settledAt'],
    unindexed: ['version', 'origin', 'changes', 'assets', 'lagMs', 'facts'],
    listedBy: [['projectId', 'receivedAt']],
    expires: 'expireAt',
  },
  // Never expires: what was decided, and by whom, is kept.
  {
    collectionGroup: recordCollections.audit,
    queried: ['sequence', 'at', 'actor', 'action', 'target'],
    unindexed: ['before', 'after', 'reason', 'result', 'previous', 'hash'],
    listedBy: [
      ['actor', 'sequence'],
      ['action', 'sequence'],
      ['target', 'sequence'],
    ],
  },
  // Who names a file is found by `names`; what is to go is read with its record.
  {
    collectionGroup: recordCollections.files,
    queried: ['holder', 'names', 'dueAt'],
    unindexed: ['files', 'deletedAt', 'lastError', 'walk', 'notedAt', 'completeSince'],
  },
  { collectionGroup: recordCollections.control, queried: [], unindexed: ['paused'] },
  {
    collectionGroup: recordCollections.outbox,
    queried: [],
    unindexed: ['data', 'attributes', 'createdAt'],
  },
  // Expires by a sweep: its files and objects go with it.
  {
    collectionGroup: recordCollections.archive,
    queried: ['projectId', 'collection', 'part', 'expireAt', 'object', 'archivedAt'],
    listedBy: [['object', 'archivedAt']],
    unindexed: ['version', 'count', 'first', 'last', 'documents', 'checksum', 'bytes', 'data'],
  },
  { collectionGroup: recordCollections.measures, queried: [], unindexed: ['measure', 'parts'], expires: 'expireAt' },
  {
    collectionGroup: recordCollections.alerts,
    queried: ['state', 'lastAt', 'lookAt'],
    listedBy: [['state', 'lastAt']],
    unindexed: ['message', 'hint', 'fields', 'counted', 'sent', 'sending'],
    expires: 'expireAt',
  },
];
