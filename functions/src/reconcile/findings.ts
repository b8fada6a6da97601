/** What reconciliation finds. */
export const findingKinds = [
  /** A project that MongoDB does not have and whose deletion Lockstep knows: missed work. Counted in projects. */
  'orphan-with-tombstone',
  /** A project that MongoDB does not have and whose deletion Lockstep does not know, but it has a record. In
   *  projects. */
  'orphan-unknown',
  /** An id that MongoDB does not have and of which there is no record either: it may never have existed. In ids. */
  'unknown-id',
  /** Assets of a project show another value than the project has. Counted per project and collection. */
  'stale-copy',
  /** Assets of a project lack a copy of a field that the project has. Counted per project and collection. */
  'missing-copy',
  /** The record of a living project says that it is deleted. Counted in projects. */
  'tombstone-of-living',
  /** The record of a project that MongoDB does not have says that it lives, and it has no assets. Counted in
   *  projects. */
  'live-record-of-missing',
  /** A record holds a version beyond MongoDB's operation time: true changes would be taken for old. Counted in
   *  projects. */
  'record-ahead',
  /** A document that does not exist, with others below it. Counted in such documents. */
  'phantom',
  /** A file in the bucket that no asset names. Counted in files. */
  'unnamed-file',
  /** The project id of an asset is not a text that can be one. Counted in assets if it is no text, else in distinct
   *  texts. */
  'unusable-project-id',
  /** Assets without the field of the project id. Counted in assets. */
  'missing-project-id',
  /** Orphans that the hold for mass deletions keeps. Counted in projects. */
  'held',
  /** Assets that were read whole differ from their project. Counted in projects; only a verification looks. */
  'sample-differs',
  /** The record of a project differs from the fold of its events. Counted in projects; only a verification looks. */
  'history-differs',
] as const;
export type FindingKind = (typeof findingKinds)[number];

/** One of a few examples that the report shows. */
export interface FindingExample {
  readonly kind: FindingKind;
  readonly projectId: string | null;
  readonly collections: readonly string[];
  /** An asset that shows it. */
  readonly path: string | null;
  /** What it is, and what it should be. */
  readonly detail: string;
}

/** A finding that is to be repaired, as it is kept between the two passes of a run. */
export interface ToRepair {
  readonly projectId: string;
  /** `living-record`, `missing-record`: the record of a project that MongoDB has, or does not have. */
  readonly what: (typeof repairKinds)[number];
}

export const repairKinds = ['orphan', 'unknown-id', 'drift', 'living-record', 'missing-record'] as const;

export type FindingCounts = Record<FindingKind, number>;

export function noFindings(): FindingCounts {
  return {
    'orphan-with-tombstone': 0,
    'orphan-unknown': 0,
    'unknown-id': 0,
    'stale-copy': 0,
    'missing-copy': 0,
    'tombstone-of-living': 0,
    'live-record-of-missing': 0,
    'record-ahead': 0,
    phantom: 0,
    'unnamed-file': 0,
    'unusable-project-id': 0,
    'missing-project-id': 0,
    held: 0,
    'sample-differs': 0,
    'history-differs': 0,
  };
}
