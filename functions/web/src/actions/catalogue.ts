import { counted } from '../format.ts';
import { type Action, type Field, namesIn, type Values, wholeNumberIn } from './action.ts';

const collectionsField: Field = {
  name: 'collections',
  label: 'Collections',
  kind: 'text',
  hint: 'Names, separated by commas; empty means all.',
};

const modeField: Field = {
  name: 'mode',
  label: 'Mode',
  kind: 'choice',
  options: [
    { value: 'report', label: 'report: finds and counts, changes no asset' },
    { value: 'clean', label: 'clean: repairs what it finds, unless a brake takes hold' },
  ],
};

const allowFields: readonly Field[] = [
  { name: 'orphans', label: 'Allow orphans', kind: 'number', hint: 'Up to so many projects may be found gone.' },
  { name: 'unknownIds', label: 'Allow unknown ids', kind: 'number', hint: 'Ids that MongoDB never had.' },
  {
    name: 'phantoms',
    label: 'Allow phantoms',
    kind: 'number',
    hint: 'Missing documents with assets below them. With a number they are looked for: one read per document.',
  },
  { name: 'shrink', label: 'MongoDB may have fewer projects than at the last run', kind: 'check' },
  { name: 'source', label: 'MongoDB may be another collection than at the last run', kind: 'check' },
];

const withoutEmpty = (input: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));

function allowancesIn(values: Values): object | undefined {
  const allow = withoutEmpty({
    orphans: wholeNumberIn(values.orphans),
    unknownIds: wholeNumberIn(values.unknownIds),
    phantoms: wholeNumberIn(values.phantoms),
    shrink: values.shrink ? true : undefined,
    source: values.source ? true : undefined,
  });
  return Object.keys(allow).length > 0 ? allow : undefined;
}

/** Assets against projects: all, some collections or some projects. */
export const reconcile: Action = {
  operation: 'reconcile',
  label: 'Reconcile',
  explains: 'Compares the assets with MongoDB. It costs about one read per project and collection.',
  fields: [
    modeField,
    collectionsField,
    { name: 'projectIds', label: 'Project ids', kind: 'text', hint: 'Separated by commas; empty means all.' },
  ],
  input: ({ mode, collections, projectIds }) =>
    withoutEmpty({ mode, collections: namesIn(collections), projectIds: namesIn(projectIds) }),
};

/** The same past a brake, by a person who has seen what it saw; `allow` is what the report says would have let it
 *  pass. */
export const goOnPastBrake = (allow: Readonly<Record<string, number | boolean>>): Action => ({
  operation: 'reconcile',
  label: 'Go on past the brake',
  explains: 'Runs again and allows what stopped the last run. Allow only what you have checked in MongoDB yourself.',
  fields: [
    { ...modeField, initial: 'clean' },
    collectionsField,
    ...allowFields.map((field) => ({ ...field, initial: initialAllowance(allow[field.name]) })),
  ],
  input: (values) =>
    withoutEmpty({
      mode: values.mode,
      collections: namesIn(values.collections),
      // A run that does not look for them finds none to allow.
      phantoms: values.phantoms ? true : undefined,
      allow: allowancesIn(values),
    }),
  isDangerous: true,
});

function initialAllowance(allowed: number | boolean | undefined): string {
  if (typeof allowed === 'number') return String(allowed);
  return allowed ? 'yes' : '';
}

/** Brings one project's assets to what MongoDB says now. */
export const syncNow = (projectId: string): Action => ({
  operation: 'reconcile',
  label: 'Sync now',
  explains: 'Compares the assets of this project with MongoDB and repairs what differs.',
  input: () => ({ mode: 'clean', projectIds: [projectId] }),
});

/** Brings back what is archived of a project. */
export const restore = (projectId: string): Action => ({
  operation: 'restore',
  label: 'Restore',
  explains:
    'Brings archived assets back, with copies as the project is now. Nothing is overwritten: what is in the way is listed in the job. The project has to live in MongoDB, or name another one.',
  fields: [
    { name: 'to', label: 'Into another project', kind: 'text', hint: 'Its id; empty means this one.' },
    collectionsField,
    { name: 'dryRun', label: 'Only say what would come back', kind: 'check' },
  ],
  input: ({ to, collections, dryRun }) =>
    withoutEmpty({
      projectId,
      to: to || undefined,
      collections: namesIn(collections),
      dryRun: dryRun ? true : undefined,
    }),
});

export const verify: Action = {
  operation: 'verify',
  label: 'Verify',
  explains: 'Counts, checksums per collection and random whole samples. It changes nothing.',
  fields: [
    collectionsField,
    { name: 'samples', label: 'Samples', kind: 'number', initial: '20', hint: 'Projects that are compared whole.' },
  ],
  input: ({ collections, samples }) =>
    withoutEmpty({ collections: namesIn(collections), samples: wholeNumberIn(samples) }),
};

export const whatIf = (projectId: string): Action => ({
  operation: 'what-if',
  label: 'What if',
  explains: 'Counts what a change of this project would touch, and what that would cost. Nothing is changed.',
  fields: [
    {
      name: 'change',
      label: 'Change',
      kind: 'choice',
      options: [
        { value: 'delete', label: 'it were deleted' },
        { value: 'rename', label: 'it were renamed' },
      ],
    },
  ],
  input: ({ change }) => ({ projectIds: [projectId], change }),
  isQuestion: true,
});

export const cancelJob = (jobId: string): Action => ({
  operation: 'cancel-reconciliation',
  label: 'Cancel the job',
  explains: 'It stops before its next page. What it has repaired stays repaired.',
  input: () => ({ jobId }),
  isDangerous: true,
});

const what: Field = {
  name: 'what',
  label: 'What',
  kind: 'choice',
  options: [
    { value: 'relay', label: 'the relay: no change leaves MongoDB' },
    { value: 'deletions', label: 'all deletions: updates go on' },
    { value: 'collection', label: 'one collection' },
  ],
};
const collectionField: Field = {
  name: 'collection',
  label: 'Collection',
  kind: 'text',
  hint: 'Its name, when one collection is meant.',
};

export const pause: Action = {
  operation: 'pause',
  label: 'Pause',
  explains: 'What is paused waits and is not lost. MongoDB keeps changes for the relay as long as its oplog reaches.',
  fields: [what, collectionField],
  input: (values) => withoutEmpty({ what: values.what, collection: values.collection || undefined }),
};

/** @param paused `relay`, `deletions` or `collection:NAME` */
export const resume = (paused: string): Action => {
  const [kind, collection] = paused.split(/:(.*)/s);
  return {
    operation: 'resume',
    label: `Resume ${collection ?? paused}`,
    explains: 'What has waited is applied now, in the order that keeps the newest.',
    input: () => withoutEmpty({ what: kind, collection }),
  };
};

export const rewind: Action = {
  operation: 'rewind',
  label: 'Rewind the relay',
  explains: 'Reads MongoDB’s changes again from a time within its oplog. Events that were applied are recognised.',
  fields: [{ name: 'to', label: 'Back to (local time)', kind: 'moment', isRequired: true }],
  input: ({ to }) => ({ to: new Date(to ?? '').getTime() }),
};

/** Which items an operation is about: some by id, or all. */
type Ids = readonly string[] | 'all';

const idsOrAll = (ids: Ids) => (ids === 'all' ? { all: true } : { ids });
const projectsOrAll = (projectIds: Ids) => (projectIds === 'all' ? { all: true } : { projectIds });
const many = (ids: Ids, one: string) => (ids === 'all' ? `all ${one}s` : counted(ids.length, one));

const includeUnreadable: Field = {
  name: 'includeUnreadable',
  label: 'Also those that this version could not read',
  kind: 'check',
};

export const redrive = (ids: Ids): Action => ({
  operation: 'redrive',
  label: `Redrive ${many(ids, 'dead letter')}`,
  explains: 'Publishes the messages again as they came. A cause that is still there dead-letters them once more.',
  fields: ids === 'all' ? [includeUnreadable] : [],
  input: (values) => withoutEmpty({ ...idsOrAll(ids), includeUnreadable: values.includeUnreadable ? true : undefined }),
});

export const dropDeadLetters = (ids: Ids): Action => ({
  operation: 'drop-dead-letters',
  label: `Drop ${many(ids, 'dead letter')}`,
  explains: 'Closes them for good. The next reconciliation still compares these projects with MongoDB.',
  input: () => idsOrAll(ids),
  isDangerous: true,
});

export const releaseHolds = (projectIds: Ids): Action => ({
  operation: 'release-holds',
  label: `Release ${many(projectIds, 'hold')}`,
  explains: 'The deletions were meant: the assets of these projects are deleted.',
  input: () => projectsOrAll(projectIds),
  isDangerous: true,
});

export const discardHolds = (projectIds: Ids): Action => ({
  operation: 'discard-holds',
  label: `Discard ${many(projectIds, 'hold')}`,
  explains: 'The deletions were a mistake: the assets stay, and the projects count as they were before.',
  input: () => projectsOrAll(projectIds),
});

export const acknowledgeAlerts = (keys: readonly string[]): Action => ({
  operation: 'acknowledge-alerts',
  label: `Acknowledge ${counted(keys.length, 'alert')}`,
  explains: 'You take care of it: it is not escalated. It stays until it is closed.',
  input: () => ({ keys }),
});

export const closeAlerts = (keys: readonly string[]): Action => ({
  operation: 'close-alerts',
  label: `Close ${counted(keys.length, 'alert')}`,
  explains: 'The cause is gone. The next alarm of the same kind opens it again.',
  input: () => ({ keys }),
});
