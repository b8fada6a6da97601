/** A deliberate break of one guarantee: texts of the source that are replaced. Each must be there exactly once, so that
 *  a change of the source cannot silently turn a break into nothing. */
export interface Mutation {
  readonly breaks: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10' | 'I11' | 'I13';
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
      '  const earlier = await Promise.all(pieces.map((piece) => assetsOf(firestore, context.config.collections.find(({ name }) => name === piece.range.collection), record.projectId).orderBy(FieldPath.documentId()).get()));\n',
  },
  {
    file: 'sync/pages/page.ts',
    find: 'planPart(context, transaction, piece',
    replace: 'planPart({ ...context, seen: earlier[pieces.indexOf(piece)] }, transaction, piece',
  },
  {
    file: 'sync/pages/page.ts',
    find: '  { firestore, record: { projectId } }: UpdateContext,\n',
    replace: '  { firestore, record: { projectId }, seen }: UpdateContext,\n',
  },
  {
    file: 'sync/pages/page.ts',
    find: '  return { documents: assetsAmong(collection, page.docs), goesOnAfter: last?.ref.path ?? null };',
    replace:
      '  const old = (seen?.docs ?? page.docs).filter(({ ref }) => (range.after === null || ref.path > range.after) && (range.before === null || ref.path < range.before)).slice(0, limit);\n' +
      '  return { documents: old, goesOnAfter: old.length === limit ? old.at(-1).ref.path : null };',
  },
];

export const mutations: readonly Mutation[] = [
  {
    breaks: 'I1',
    what: 'a redelivery is acknowledged while the lease of its own event is held by a worker that may be dead',
    shows: /project not converged|nobody stands/,
    weather: 'crashes',
    seed: 'm1',
    patches: [
      {
        file: 'sync/transitions.ts',
        find: "  if (before.lease !== null && isLeased)\n    return { outcome: { kind: 'busy', until: before.lease.expiresAt }",
        replace: "  if (before.lease !== null && isLeased)\n    return { outcome: { kind: 'duplicate' }",
      },
    ],
  },
  {
    breaks: 'I1',
    what: 'the checkpoint moves past what was read, not what was published',
    shows: /checkpoint moved past an unpublished change|nobody stands/,
    weather: 'crashes',
    seed: 't5',
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
    seed: 't2',
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
    shows: /record says otherwise|nobody stands|history disagrees with the record/,
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
    shows: /record says otherwise|nobody stands/,
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
    seed: 'w1',
    patches: [
      ...keysFromOutside,
      {
        file: 'sync/pages/page.ts',
        find: 'inTransaction.update(asset.ref, first.path, first.value, ...others.flatMap((copy) => [copy.path, copy.value]));',
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
    seed: 'w0',
    patches: keysFromOutside,
  },
  {
    breaks: 'I5',
    what: 'a page looks neither at its lease nor for news',
    shows: /asset differs from its project/,
    weather: 'stalls',
    seed: 'y0',
    patches: [
      {
        file: 'sync/pages/page.ts',
        find: '      if (current.lease?.holder !== lease.holder) {\n',
        replace: '      if (current.lease?.holder === null) {\n',
      },
      {
        file: 'sync/pages/page.ts',
        find: "      if (current.revision !== record.revision) return { kind: 'superseded' };\n",
        replace: '',
      },
    ],
  },
  {
    breaks: 'I5',
    what: 'MongoDB is not asked before a deletion',
    shows: /asset of a live project lost/,
    weather: 'raids',
    seed: 's6',
    patches: [
      {
        file: 'sync/work.ts',
        find: "  if (!isDeletion && !isOdd && !isRepair && !isPartly) return { name: 'converging', record };\n",
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
    shows: /asset of a deleted project left|nobody stands/,
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
    shows: /asset of a deleted project left|asset differs from its project|nobody stands/,
    weather: 'hurry',
    seed: 'z6',
    patches: [
      {
        file: 'sync/transitions.ts',
        find: 'progress?.revision === revision ? progress : null',
        replace: 'progress',
      },
    ],
  },
  {
    breaks: 'I7',
    what: 'an error is logged, and the event acknowledged',
    shows: /project not converged|nobody stands/,
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
  {
    breaks: 'I9',
    what: 'an event that meets another worker is acknowledged, since that one re-reads the record',
    shows: /nobody stands for a record that is behind|project not converged/,
    weather: 'storm',
    seed: 'm1',
    patches: [
      {
        file: 'sync/worker.ts',
        find: '      throw new ProjectBusyError(event.id, claim.until);\n',
        replace: "      return { kind: 'duplicate' };\n",
      },
    ],
  },
  {
    breaks: 'I5',
    what: 'whatever lies below a deleted asset goes with it',
    shows: /asset of a live project lost/,
    weather: 'raids',
    seed: 'm4',
    patches: [
      {
        file: 'sync/pages/deletions.ts',
        find: "return typeof owner === 'string' && owner !== '' && owner !== projectId;",
        replace: 'return false;',
      },
    ],
  },
  {
    breaks: 'I5',
    what: 'MongoDB is not asked again while a deletion runs',
    shows: /asset of a live project lost/,
    weather: 'raids',
    seed: 'k2',
    patches: [
      {
        file: 'sync/pages/page.ts',
        find: "if (!(await context.confirmGone(mayBeNew ? 0 : confirmationAgeMs))) return { kind: 'revived' };",
        replace: 'void mayBeNew;',
      },
    ],
  },
  {
    breaks: 'I10',
    what: 'an event from the future is taken for true',
    shows:
      /record says otherwise|asset of a deleted project left|asset differs from its project|does not settle|nobody stands/,
    weather: 'disorder',
    seed: 'z5',
    patches: [
      {
        file: 'sync/handleMessage.ts',
        find: 'if (timeOf(event.version) <= clock.now()) return undefined;',
        replace: 'if (event) return undefined;',
      },
      {
        file: 'sync/settle.ts',
        find: 'claim !== null && claim === before && isNewer(claim, reached);',
        replace: 'claim !== claim && isNewer(String(before), reached);',
      },
    ],
  },
  {
    breaks: 'I11',
    what: 'an asset that refuses its write stops the whole project',
    shows: /does not settle|a sound event became a dead letter/,
    weather: 'disorder',
    seed: 'm1',
    patches: [
      {
        file: 'sync/pages/converge.ts',
        find: 'if (view === undefined || view.documents === 0 || !isRefusedWrite(error)) throw error;',
        replace: 'throw error;',
      },
    ],
  },
  {
    breaks: 'I1',
    what: 'a release is decided, and its event not published',
    shows: /project not converged|asset of a deleted project left/,
    weather: 'disorder',
    seed: 'm1',
    patches: [
      {
        file: 'holds/decide.ts',
        find: "trace.publish('events', `release-",
        replace: 'Object.is(`release-',
      },
    ],
  },
  {
    breaks: 'I8',
    what: 'another cluster under the same names passes for the one before',
    shows: /the relay goes on in another source unasked/,
    weather: 'raids',
    seed: 'm1',
    patches: [
      {
        file: 'source/identity.ts',
        find: "  return before.uuid === uuid ? 'same' : 'other-collection';",
        replace: "  return 'same';",
      },
    ],
  },
  {
    breaks: 'I11',
    what: 'a value that no copy can have makes its change unreadable',
    shows: /a sound event became a dead letter/,
    weather: 'raids',
    seed: 'm1',
    patches: [
      {
        file: 'relay/eventFromChange.ts',
        find: "if (!told.ok) return { kind: 'refused', reason: 'value', ",
        replace:
          "if (!told.ok) throw new TypeError(told.problem);\n    if (!told.ok) return { kind: 'refused', reason: 'value', ",
      },
    ],
  },
  {
    breaks: 'I1',
    what: 'MongoDB is asked what the product has no right to ask',
    shows: /does not settle|a sound event became a dead letter|the reconciliation failed: braked/,
    weather: 'raids',
    seed: 'm1',
    patches: [
      {
        file: 'source/truth.ts',
        find: 'command({ hello: 1 }, { session })',
        replace: 'command({ serverStatus: 1 }, { session })',
      },
    ],
  },
  {
    breaks: 'I1',
    what: 'what lies below a missing parent is found, and left',
    shows: /document below a missing parent left/,
    weather: 'raids',
    seed: 'm1',
    patches: [
      {
        file: 'reconcile/phantoms/removePhantoms.ts',
        find: '    if (isRemoving) transaction.delete(document.ref);\n',
        replace: '',
      },
    ],
  },
  {
    breaks: 'I5',
    what: 'an asset below a missing parent goes with the rest',
    shows: /asset of a live project lost/,
    weather: 'raids',
    seed: 'm1',
    patches: [
      {
        file: 'reconcile/phantoms/removePhantoms.ts',
        find: 'if (isYoung || isAsset(config, document) || namedBy(document).some((id) => living.has(id))) {',
        replace: 'if (isYoung) {',
      },
    ],
  },
  {
    breaks: 'I2',
    what: 'an event whose news another worker carries out is forgotten by the history',
    shows: /history disagrees with the record/,
    weather: 'storm',
    seed: 'c1',
    patches: [
      {
        file: 'sync/openEvents.ts',
        find: '  const others = before.open.filter(({ id }) => id !== event.id);\n',
        replace: '  const others = before.open.filter(({ id }) => id === event.id);\n',
      },
    ],
  },
  {
    breaks: 'I9',
    what: 'parked work is not published when a pause is over',
    shows: /project not converged|asset of a deleted project left|asset differs from its project/,
    weather: 'disorder',
    seed: 'm1',
    patches: [
      {
        file: 'sync/parked.ts',
        find: '    await (await events()).publish(encodeEvent(decoded.event));\n',
        replace: '',
      },
    ],
  },
  {
    breaks: 'I9',
    what: 'others are notified of an event before the record says so',
    shows: /others are notified of what is not on record/,
    weather: 'storm',
    seed: 'm1',
    patches: [
      {
        file: 'sync/handleMessage.ts',
        find: '  const outcome = await applied(dependencies, message, event, budget);\n',
        replace:
          "  await dependencies.converged?.publish({ attributes: {}, data: Buffer.from(JSON.stringify({ ...event, id: 'early', type: 'ProjectConverged', recordedSince: '2026-11-01T00:00:00.000000Z', revision: 1, kind: 'live', fields: {}, changed: null, convergedAt: event.occurredAt })) });\n" +
          '  const outcome = await applied(dependencies, message, event, budget);\n',
      },
    ],
  },
  {
    breaks: 'I1',
    what: 'a redelivery of what is applied notifies nobody',
    shows: /nobody is notified of a state that assets show/,
    weather: 'crashes',
    seed: 'z1',
    patches: [
      {
        file: 'sync/handleMessage.ts',
        find: "outcome.kind === 'applied' || outcome.kind === 'duplicate' || outcome.kind === 'contradicted'",
        replace: "outcome.kind === 'applied' || outcome.kind === 'contradicted'",
      },
    ],
  },
  {
    breaks: 'I13',
    what: 'an asset is deleted before it is archived',
    shows: /asset neither at its place nor in the archive/,
    weather: 'disorder',
    seed: 'm1',
    patches: [
      {
        file: 'sync/pages/page.ts',
        find: '      createPages(inTransaction, archived);\n',
        replace: '      inTransaction.later = [...(inTransaction.later ?? []), ...archived];\n',
      },
      {
        file: 'sync/pages/page.ts',
        find: '  return firestore.runTransaction(\n    async (transaction): Promise<PageOutcome> => {\n',
        replace:
          '  let last;\n  return firestore.runTransaction(\n    async (transaction): Promise<PageOutcome> => {\n      last = transaction;\n',
      },
      {
        file: 'sync/pages/page.ts',
        find: '    { maxAttempts: 1 },\n  );\n',
        replace:
          '    { maxAttempts: 1 },\n  ).then(async (outcome) => {\n    if (last?.later) await firestore.runTransaction(async (after) => createPages(after, last.later));\n    return outcome;\n  });\n',
      },
    ],
  },
  {
    breaks: 'I13',
    what: 'an asset is archived and not deleted',
    shows: /asset in two places/,
    weather: 'disorder',
    seed: 'm1',
    patches: [
      {
        file: 'sync/pages/page.ts',
        find: 'for (const { ref } of deletions.documents) inTransaction.delete(ref);',
        replace: 'if (archived.length === 0) for (const { ref } of deletions.documents) inTransaction.delete(ref);',
      },
    ],
  },
  {
    breaks: 'I5',
    what: 'the guard deletes a late asset itself, by the word of the record',
    shows: /asset of a live project lost|document below a deleted asset left|neither at its place nor in the archive/,
    weather: 'disorder',
    seed: 'm1',
    patches: [
      {
        file: 'lateWrites/guard.ts',
        find: '  const statement = await truth.ask([projectId]);\n',
        replace:
          "  await firestore.doc(path).delete();\n  if (path !== '') return { kind: 'moved-on' };\n" +
          '  const statement = await truth.ask([projectId]);\n',
      },
    ],
  },
  {
    breaks: 'I1',
    what: 'a deletion is not visited again',
    shows: /asset of a deleted project left/,
    weather: 'disorder',
    seed: 'm1',
    patches: [
      {
        file: 'sync/transitions.ts',
        find: 'isTombstone ? visitAfter({ number: 0, doneAt: now }, limits.visitAfterMs, now) : null,',
        replace: 'null,',
      },
    ],
  },
];
