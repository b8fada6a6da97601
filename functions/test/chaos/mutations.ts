/** A deliberate break of one guarantee: texts of the source that are replaced. Each must be there exactly once, so that a change of the source cannot
 *  silently turn a break into nothing. */
export interface Mutation {
  readonly breaks: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7';
  readonly what: string;
  /** What the runs have to say of it: a break that only keeps the code from running proves nothing. */
  readonly shows: RegExp;
  /** In which it shows soonest. */
  readonly weather: string;
  /** With which it shows soon. */
  readonly seed: string;
  readonly patches: readonly Patch[];
}

export interface Patch {
  /** Below `src/`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Pages work on what was read before their transaction: the state of an asset may be another by then. */
const keysFromOutside: readonly Patch[] = [
  { file: 'sync/pages/page.ts', find: 'export function runPage(', replace: 'export async function runPage(' },
  {
    file: 'sync/pages/page.ts',
    find: '  const recordRef = projectRecordRef(firestore, record.projectId);\n',
    replace:
      '  const recordRef = projectRecordRef(firestore, record.projectId);\n' +
      '  const seen = await Promise.all(pieces.map((piece) => assetsOf(firestore, context.config.collections.find(({ name }) => name === piece.range.collection), record.projectId).orderBy(FieldPath.documentId()).get()));\n',
  },
  {
    file: 'sync/pages/page.ts',
    find: 'planPart(context, transaction, piece, pieces.length)',
    replace: 'planPart({ ...context, seen: seen[pieces.indexOf(piece)] }, transaction, piece, pieces.length)',
  },
  {
    file: 'sync/pages/page.ts',
    find: '  { firestore, record: { projectId } }: PageContext,\n',
    replace: '  { firestore, record: { projectId }, seen }: PageContext,\n',
  },
  {
    file: 'sync/pages/page.ts',
    find: '  return { documents: page.docs, full: page.size === limit };',
    replace:
      '  return seen ? { documents: seen.docs, full: false } : { documents: page.docs, full: page.size === limit };',
  },
];

export const mutations: readonly Mutation[] = [
  {
    breaks: 'I1',
    what: 'a redelivery is acknowledged while the lease of its own event is held by a worker that may be dead',
    shows: /project not converged/,
    weather: 'crashes',
    seed: 'm1',
    patches: [
      {
        file: 'sync/transitions.ts',
        find: "{ kind: 'busy', until: before.lease.expiresAt }",
        replace: "{ kind: 'duplicate' }",
      },
    ],
  },
  {
    breaks: 'I1',
    what: 'the checkpoint moves past what was read, not what was published',
    shows: /checkpoint moved past an unpublished change/,
    weather: 'crashes',
    seed: 'm1',
    patches: [
      {
        file: 'relay/publishWindow.ts',
        find: '{ position, bytes, done: false };',
        replace: '{ position, bytes, done: false };\n      published = position;',
      },
    ],
  },
  {
    breaks: 'I1',
    what: 'the checkpoint is written without a look at the fencing token',
    shows: /checkpoint moved backwards/,
    weather: 'stalls',
    seed: 'm1',
    patches: [
      {
        file: 'relay/lease.ts',
        find: "    if (lease.fencing !== fencing) return { kind: 'lost', lease };\n",
        replace: '',
      },
    ],
  },
  {
    breaks: 'I2',
    what: 'the value that arrives last wins',
    shows: /record says otherwise/,
    weather: 'disorder',
    seed: 'm1',
    patches: [
      {
        file: 'sync/fold.ts',
        find: 'if (isNewer(version, fields.get(field)?.version)) fields.set(',
        replace: 'fields.set(',
      },
    ],
  },
  {
    breaks: 'I3',
    what: 'an old sign of life revives a deleted project',
    shows: /record says otherwise/,
    weather: 'disorder',
    seed: 'm1',
    patches: [
      {
        file: 'sync/fold.ts',
        find: 'const isLive = liveVersion !== null && isNewer(liveVersion, deletedVersion);',
        replace: 'const isLive = liveVersion !== null && !isDeletion;',
      },
    ],
  },
  {
    breaks: 'I4',
    what: 'copies are set with merge on assets that were read earlier',
    shows: /asset resurrected/,
    weather: 'raids',
    seed: 't17',
    patches: [
      ...keysFromOutside,
      {
        file: 'sync/pages/page.ts',
        find: 'transaction.update(asset.ref, first.path, first.value, ...others.flatMap((copy) => [copy.path, copy.value]));',
        replace:
          "for (const copy of [first, ...others]) transaction.set(asset.ref, copy.path.isEqual(new FieldPath('projectName')) ? { projectName: copy.value } : { meta: { status: copy.value } }, { merge: true });",
      },
    ],
  },
  {
    breaks: 'I5',
    what: 'pages delete by keys that were read earlier',
    shows: /asset of a live project lost/,
    weather: 'raids',
    seed: 'm1',
    patches: keysFromOutside,
  },
  {
    breaks: 'I5',
    what: 'a page looks neither at its lease nor for news',
    shows: /asset differs from its project/,
    weather: 'stalls',
    seed: 'm1',
    patches: [
      {
        file: 'sync/pages/page.ts',
        find: "      if (current.lease?.holder !== lease.holder) return { kind: 'lost' };\n      if (current.revision !== record.revision) return { kind: 'superseded' };\n",
        replace: '',
      },
    ],
  },
  {
    breaks: 'I5',
    what: 'MongoDB is not asked before a deletion',
    shows: /asset of a live project lost/,
    weather: 'raids',
    seed: 's1',
    patches: [
      {
        file: 'sync/work.ts',
        find: "  if (!isDeletion && !isOdd && !isRepair) return { name: 'converging', record };\n",
        replace: "  if (record) return { name: 'converging', record };\n",
      },
      {
        file: 'sync/pages/page.ts',
        find: "if (!(await context.confirmGone(mayBeNew ? 0 : confirmationAgeMs))) return { kind: 'revived' };",
        replace: 'void mayBeNew;',
      },
    ],
  },
  {
    breaks: 'I6',
    what: 'work that runs out of time is not continued',
    shows: /asset of a deleted project left/,
    weather: 'hurry',
    seed: 'm1',
    patches: [
      {
        file: 'sync/work.ts',
        find: '  if (!work.repair) await publish();\n',
        replace: '',
      },
    ],
  },
  {
    breaks: 'I6',
    what: 'progress on an older state is taken for progress on the newest one',
    shows: /asset of a deleted project left/,
    weather: 'hurry',
    seed: 'm1',
    patches: [
      {
        file: 'sync/transitions.ts',
        find: 'record.progress?.revision === record.revision ? record.progress : null',
        replace: 'record.progress',
      },
    ],
  },
  {
    breaks: 'I7',
    what: 'an error is logged, and the event acknowledged',
    shows: /project not converged/,
    weather: 'errors',
    seed: 'm1',
    patches: [
      {
        file: 'sync/handleMessage.ts',
        find: '    if (attempts === undefined || attempts < limits.maxAttempts) throw error;\n',
        replace: '    if (attempts === undefined || attempts < limits.maxAttempts) return undefined;\n',
      },
    ],
  },
];
