/** The names that a deployment chose: parameters of the functions, from `functions/.env` or their defaults. */
export interface Topics {
  readonly events: string;
  readonly deletions: string;
  readonly deadLetters: string;
  readonly requests: string;
  readonly alerts: string;
  /** Null where nobody is notified of converged projects. */
  readonly converged: string | null;
}

/** The buckets of Cloud Storage that a deployment chose; null: what it is for is off. */
export interface Buckets {
  /** Archived assets in cold storage. */
  readonly archive: string | null;
  /** Files that assets name. */
  readonly files: string | null;
}

/** A Cloud Function and what its service account may do. */
export interface FunctionIdentity {
  readonly name: string;
  /** Id of its service account; functions that do the same work share one. */
  readonly account: string;
  /** The topic that triggers it; null for a schedule, for documents and for what is called. */
  readonly subscribesTo: keyof Topics | null;
  /** Whether writes of documents trigger it. */
  readonly watches?: true;
  /** Whether it answers requests: anybody may send them, and it verifies who does. */
  readonly isCalled?: true;
  /** Why it looks up accounts of Firebase Authentication. */
  readonly users?: string;
  /** Topics it publishes to, each with the reason. */
  readonly publishesTo: Partial<Readonly<Record<keyof Topics, string>>>;
  /** What it does in Firestore; null if nothing. */
  readonly firestore: string | null;
  /** Buckets whose objects it reads, writes and deletes, each with the reason. */
  readonly buckets?: Partial<Readonly<Record<keyof Buckets, string>>>;
  /** What it asks MongoDB; null if nothing, and then it never sees the connection string. */
  readonly mongodb: string | null;
}

/** The work on events, whichever topic they come by. */
const syncing: Omit<FunctionIdentity, 'name' | 'subscribesTo'> = {
  account: 'lockstep-sync',
  publishesTo: {
    events: 'continuations of work that takes longer than one invocation',
    deletions: 'continuations of deletions that take longer than one invocation',
    deadLetters: 'events that cannot be applied, and single assets that refused their write',
    alerts: 'its alarms',
    converged: 'the states that the assets of projects show',
  },
  firestore: 'project records, jobs and the assets',
  mongodb: 'a final check of the project before its assets are deleted',
};

/** Every function of `src/index.ts` that is always there; the relay's stands for those of its shards. A test holds this
 *  list against what the bundle exports. */
export const functionIdentities: readonly FunctionIdentity[] = [
  {
    name: 'relayProjectChanges',
    account: 'lockstep-relay',
    subscribesTo: null,
    publishesTo: {
      events: 'the changes of projects',
      deletions: 'the deletions of projects',
      deadLetters: 'changes that cannot become an event',
      requests: 'requests for a reconciliation, when the change stream has a gap',
      alerts: 'its alarms, and targets that are missed',
    },
    firestore:
      'its lease and checkpoint (syncRelay), what it measures each minute (syncMeasures), and visits of deletions',
    mongodb: 'tails the change stream, and asks whether projects that are visited are gone',
  },
  { ...syncing, name: 'syncProject', subscribesTo: 'events' },
  { ...syncing, name: 'syncDeletions', subscribesTo: 'deletions' },
  {
    name: 'recordDeadLetter',
    account: 'lockstep-dead-letter',
    subscribesTo: 'deadLetters',
    publishesTo: { alerts: 'an alarm for every dead letter' },
    firestore: 'the dead letters (syncFailures)',
    mongodb: null,
  },
  {
    name: 'reconcileAssets',
    account: 'lockstep-reconcile',
    subscribesTo: null,
    publishesTo: { requests: 'the request for the scheduled reconciliation' },
    firestore: 'the audit of what it asks for (syncAudit, syncOutbox)',
    mongodb: null,
  },
  {
    name: 'reconcileOnRequest',
    account: 'lockstep-reconcile',
    subscribesTo: 'requests',
    publishesTo: {
      events: 'the rest of a repair, which syncProject continues',
      deletions: 'deletions that came during a restore, and the rest of repairs that delete',
      deadLetters: 'assets that refused the write of their repair',
      requests: 'continuations of a reconciliation that takes longer than one invocation',
      alerts: 'its alarms',
    },
    firestore: 'scans the assets and repairs them; its reports (syncJobs)',
    buckets: {
      archive: 'archived assets that are old; it moves them there, restores and purges them',
      files: 'files whose assets were deleted; it removes them, and lists them where that is asked for',
    },
    mongodb: 'which projects exist, and their names',
  },
  {
    name: 'deliverAlert',
    account: 'lockstep-alerts',
    subscribesTo: 'alerts',
    publishesTo: {},
    firestore: 'the alerts (syncAlerts)',
    mongodb: null,
  },
  {
    name: 'operations',
    account: 'lockstep-operations',
    subscribesTo: null,
    isCalled: true,
    users: 'whether the sign-in of who decides was revoked, and the role taken away',
    publishesTo: {
      events: 'events that a person redrives',
      deletions: 'deletions that a person released or redrives',
      requests: 'reconciliations that a person asks for',
    },
    firestore: 'shows the records, and writes what people decide',
    mongodb: null,
  },
];

/** What every function is that watches a collection (`watch-NAME`): they share an account. */
const watching: Omit<FunctionIdentity, 'name'> = {
  account: 'lockstep-watch',
  subscribesTo: null,
  watches: true,
  publishesTo: { deletions: 'deletions of projects that got an asset when they were deleted already' },
  firestore: 'project records, assets that were written late, and who names which files (syncFiles)',
  mongodb: 'whether the project of a late write is gone',
};

/** Every function of a deployment.
 *  @param watched  names of the collections that a function watches */
export function identitiesWith(watched: readonly string[]): readonly FunctionIdentity[] {
  return [...functionIdentities, ...watched.map((name) => ({ ...watching, name: `watch-${name}` }))];
}

/** Whether Eventarc delivers events to it. */
export function receivesEvents({ subscribesTo, watches }: FunctionIdentity): boolean {
  return subscribesTo !== null || watches === true;
}

/** The functions, joined by service account. */
export function accounts(identities: readonly FunctionIdentity[]): ReadonlyMap<string, readonly FunctionIdentity[]> {
  return Map.groupBy(identities, ({ account }) => account);
}

/** The address of a service account of the project. */
export function accountEmail(account: string, project: string): string {
  return `${account}@${project}.iam.gserviceaccount.com`;
}
