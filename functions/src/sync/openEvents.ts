import type { ProjectEvent } from '../events/contract.ts';
import { type CopyValue, copyValueToJson } from '../events/copyValue.ts';
import type { EventOutcome } from '../events/outcomes.ts';
import { timeOf, type Version } from '../events/version.ts';
import { condensedAll } from '../records/condensed.ts';
import type { HistoryWrite, RecordedFact } from '../records/historyEntry.ts';
import { type Origin, originOf } from '../records/origin.ts';
import type { Desired, OpenEvent, ProjectRecord } from '../records/projectRecord.ts';
import type { FoldChange } from './fold.ts';
import type { SyncLimits } from './limits.ts';

import { claimsOf, type Fact } from './settle.ts';

// The history of events, as far as it is decided without input and output. An event stays open in the record of its
// project until its work is over, and its entry is written then, in the transaction that ends the work: one write for
// each event, and never one that disagrees with the record.

/** Characters of JSON up to which the changes of an open event are kept in the record, which has to have room for the
 *  desired state. Larger ones are written to the history at once. */
const mostKeptLength = 2_000;

/** The circumstances of an entry. */
export interface HistoryTerms {
  /** In ms since 1970. */
  readonly now: number;
  readonly limits: Pick<SyncLimits, 'historyMs'>;
}

/** What becomes of the open events of a record, and what is written of it. */
export interface Opening {
  readonly open: readonly OpenEvent[];
  readonly history: readonly HistoryWrite[];
}

type Draft = Omit<HistoryWrite, 'expireAt'>;

/** An event as a claim folds it. */
export interface FoldedEvent {
  readonly event: ProjectEvent;
  /** Its configured fields. */
  readonly changes: Readonly<Record<string, CopyValue>>;
  /** The state after it, and what it did to that before. */
  readonly desired: Desired;
  readonly change: FoldChange;
  /** Whether it does not count: MongoDB has refuted it, or a person has decided. */
  readonly isVoid: boolean;
}

/** Takes an event in: news stays open, what it supersedes is settled, and so is what changes no asset. */
export function opened(
  before: ProjectRecord,
  { event, changes, desired, change, isVoid }: FoldedEvent,
  outcome: 'accepted' | 'deferred' | 'held',
  terms: HistoryTerms,
): Opening {
  const own: OpenEvent = {
    id: event.id,
    type: event.type,
    version: event.version,
    origin: originOf(event),
    changes: condensedAll(changes),
    receivedAt: terms.now,
    refutedBefore: refutedFrom(before, event.version),
    outcome,
  };
  if (change === 'none') return { open: before.open, history: entries(late(before, own, isVoid), terms) };
  const others = before.open.filter(({ id }) => id !== event.id);
  const open = others.filter(({ version }) => shows(desired, version));
  const jobId = before.lease?.eventId ?? null;
  const superseded = others
    .filter((each) => !open.includes(each))
    .map((each) => ended(before, each, desired, jobId, terms));
  if (change === 'versions') {
    return { open, history: entries([...superseded, ended(before, own, desired, null, terms)], terms) };
  }
  const isSmall = JSON.stringify(Object.values(own.changes ?? {}).map(copyValueToJson)).length <= mostKeptLength;
  const first = isSmall && outcome !== 'held' ? [] : [entryOf(before, own)];
  return {
    open: [...open, isSmall ? own : { ...own, changes: null }],
    history: entries([...superseded, ...first], terms),
  };
}

/** The end of all open events: the assets show a state, for which the work of event `jobId` changed `assets` of
 *  them. */
export function closed(
  record: ProjectRecord,
  shown: Desired,
  { jobId, assets }: { readonly jobId: string; readonly assets: number },
  terms: HistoryTerms,
): readonly HistoryWrite[] {
  return entries(
    record.open.map((each) => ({
      ...ended(record, each, shown, jobId, terms),
      ...(each.id === jobId && { assets }),
    })),
    terms,
  );
}

/** Gives some open events an outcome, and writes it. They stay open. */
export function marked(
  record: ProjectRecord,
  outcome: EventOutcome,
  terms: HistoryTerms,
  isMeant: (open: OpenEvent) => boolean = () => true,
): Opening {
  const open = record.open.map((each) =>
    isMeant(each) && each.outcome !== 'contradicted' ? { ...each, outcome } : each,
  );
  return {
    open,
    history: entries(
      open.filter(isMeant).map((each) => entryOf(record, each)),
      terms,
    ),
  };
}

/** What a correction by MongoDB does to open events: those that it contradicts stay open with that outcome as long as
 *  something shows them, so that their entries are written when the work is over. The correction itself belongs to the
 *  event that is worked on. */
export function contradicted(
  before: ProjectRecord,
  event: ProjectEvent,
  { desired, refuted }: { readonly desired: Desired; readonly refuted: readonly Version[] },
  fact: Fact,
  terms: HistoryTerms,
): Opening {
  // Of a project that was known to live, a deletion may be an earlier one.
  const isDeniedDeletion = before.desired.kind === 'deleted' && desired.kind !== 'deleted';
  const judged = before.open.map((each) => {
    const isFalse = refuted.includes(each.version) || (each.type === 'ProjectDeleted' && isDeniedDeletion);
    return isFalse ? { ...each, outcome: 'contradicted' as const } : each;
  });
  const open = judged.filter(({ version }) => shows(desired, version));
  const gone = judged
    .filter((each) => !open.includes(each))
    .map((each) => ended(before, each, desired, event.id, terms));
  const correction = correctionOf(before, event, { fact, desired, refuted });
  const correcting = {
    ...correction,
    ...(event.type === 'ProjectDeleted' && isDeniedDeletion && { outcome: 'contradicted' as const }),
  };
  return { open, history: entries([...gone, correcting], terms) };
}

/** What a repair has brought into the record, as an entry of its own. */
export function repaired(
  before: ProjectRecord,
  event: ProjectEvent,
  correction: Correction,
  terms: HistoryTerms,
): readonly HistoryWrite[] {
  const { now } = terms;
  return entries(
    [
      {
        ...correctionOf(before, event, correction),
        outcome: 'applied',
        jobId: event.id,
        receivedAt: correction.fact.askedAt,
        settledAt: now,
      },
    ],
    terms,
  );
}

/** The entry of an event that its project's record could not take in. */
export function untaken(
  event: ProjectEvent,
  changes: Readonly<Record<string, CopyValue>>,
  terms: HistoryTerms,
): readonly HistoryWrite[] {
  const { id, projectId, type, version } = event;
  const told = { id, projectId, type, version, origin: originOf(event), changes: condensedAll(changes) };
  return entries([{ ...told, receivedAt: terms.now, settledAt: terms.now, outcome: 'dead-lettered' }], terms);
}

/** What an event says about configured fields: another producer may send more. */
export function configuredChanges(
  { changes }: ProjectEvent,
  fields: readonly string[],
): Readonly<Record<string, CopyValue>> {
  return Object.fromEntries(Object.entries(changes).filter(([field]) => fields.includes(field)));
}

/** Whether a desired state shows something of a version. */
export function shows(desired: Desired, version: Version): boolean {
  return (
    desired.version === version ||
    desired.deletedVersion === version ||
    Object.values(desired.fields).some((field) => field.version === version)
  );
}

/** Who made the newest change that a state shows, as far as it is open. */
export function initiatorOf(open: readonly OpenEvent[], desired: Desired, fallback: Origin): Origin {
  const shown = open.filter(({ version }) => shows(desired, version));
  return (
    shown.reduce<OpenEvent | undefined>((a, b) => (a !== undefined && a.version > b.version ? a : b), undefined)
      ?.origin ?? fallback
  );
}

/** A delivery that is no news is a second one, as a rule, and leaves what became of the first. Only what the state does
 *  not show, and what is not open, may have come for the first time. */
function late(before: ProjectRecord, own: OpenEvent, isVoid: boolean): readonly Draft[] {
  if (shows(before.desired, own.version) || before.open.some(({ id }) => id === own.id)) return [];
  const isRefuted = before.refuted.includes(own.version);
  const entry = entryOf(before, { ...own, outcome: isRefuted ? 'contradicted' : 'superseded' });
  return [{ ...entry, folded: !isVoid, settledAt: own.receivedAt, ifAbsent: true }];
}

function ended(
  { projectId }: ProjectRecord,
  open: OpenEvent,
  shown: Desired,
  jobId: string | null,
  { now }: HistoryTerms,
): Draft {
  const isOutlived = open.type === 'ProjectDeleted' && shown.kind !== 'deleted';
  const isShown = shows(shown, open.version) && !isOutlived;
  const outcome = open.outcome === 'contradicted' ? 'contradicted' : isShown ? 'applied' : 'superseded';
  const lagMs = outcome === 'applied' ? Math.max(0, now - timeOf(open.version)) : null;
  return { ...entryOf({ projectId }, open), outcome, jobId, lagMs, settledAt: now };
}

function entryOf(
  { projectId }: Pick<ProjectRecord, 'projectId'>,
  { changes, refutedBefore, ...open }: OpenEvent,
): Draft {
  return {
    projectId,
    ...open,
    ...(changes !== null && { changes }),
    ...(refutedBefore.length > 0 && { refutedBefore }),
    folded: true,
  };
}

/** What MongoDB said, the state that came of it, and the versions that it refuted. */
interface Correction {
  readonly fact: Fact;
  readonly desired: Desired;
  readonly refuted: readonly Version[];
}

function correctionOf(before: ProjectRecord, event: ProjectEvent, { fact, desired, refuted }: Correction): Draft {
  const { id, projectId, type, version } = event;
  const refutedUpTo = refuted.at(-1) ?? null;
  const recorded: RecordedFact = {
    ...fact,
    fields: fact.fields === null ? null : condensedAll(fact.fields),
    refutedUpTo,
    spared:
      refutedUpTo === null ? [] : claimsOf(desired).filter((claim) => claim > fact.version && claim < refutedUpTo),
    refutedBefore: refutedFrom(before, fact.version),
  };
  return { id, projectId, type, version, origin: originOf(event), facts: [recorded] };
}

/** Versions from one on that MongoDB has refuted, as far as a record remembers. */
function refutedFrom({ refuted }: ProjectRecord, version: Version): readonly Version[] {
  return refuted.filter((each) => each >= version);
}

/** Drafts as they are written: one for each event; none where no history is kept. */
function entries(drafts: readonly Draft[], { now, limits }: HistoryTerms): readonly HistoryWrite[] {
  if (limits.historyMs === 0) return [];
  const byId = new Map<string, Draft>();
  for (const draft of drafts) byId.set(draft.id, { ...byId.get(draft.id), ...draft });
  return [...byId.values()].map((draft) => ({ ...draft, expireAt: now + limits.historyMs }));
}
