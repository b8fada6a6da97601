import type { ProjectEvent } from '../events/contract.ts';
import type { HistoryWrite } from '../records/historyEntry.ts';
import { originOf } from '../records/origin.ts';
import {
  effectiveHold,
  type Hold,
  type KeyRange,
  type Progress,
  type ProjectRecord,
  type WorkLease,
} from '../records/projectRecord.ts';
import type { SyncJob } from '../records/syncJob.ts';
import { visitAfter } from '../records/visits.ts';
import { isStated } from '../source/statedEvent.ts';
import { type Change, type FoldChange, fold } from './fold.ts';
import type { SyncLimits } from './limits.ts';
import { closed, configuredChanges, contradicted, initiatorOf, marked, opened, repaired, shows } from './openEvents.ts';
import { describeRestraint, type Restraint } from './restraint.ts';
import { claimsTheFuture, type Fact, isPartlyKnown, settle } from './settle.ts';
import type { Step } from './transact.ts';

// Every transition of a project's record: pure functions, which `transact` runs inside a transaction. A transition may
// meet a record that it has changed already, when the answer to the transaction was lost.

/** Refuted versions that a record remembers: whoever invents more has them judged anew. */
const mostRefuted = 8;

/** What became of an event in the record of its project. Its news is part of `desired` from then on, whatever became of
 *  it. */
export type Claim =
  /** This worker brings the assets to the state of `record`. `attempt` counts from 1. */
  | { readonly kind: 'claimed'; readonly record: ProjectRecord; readonly lease: WorkLease; readonly attempt: number }
  /** The assets show what the record claims, but that cannot have happened yet: it has to be repaired. */
  | { readonly kind: 'odd' }
  /** The assets show it already. */
  | { readonly kind: 'duplicate' }
  /** Another worker is at this project, or has just died: the event has to be redelivered, and stands for its news
   *  until then (I9). */
  | { readonly kind: 'busy'; readonly until: number }
  /** The deletion came with too many others and waits for a person, or a person has decided that the assets stay. */
  | { readonly kind: 'held'; readonly state: 'held' | 'discarded' }
  /** As many deliveries as allowed have begun this work and not finished it. */
  | { readonly kind: 'exhausted'; readonly attempts: number; readonly lastError: string | null };

/** The circumstances of a transition. */
export interface Terms {
  /** In ms since 1970. */
  readonly now: number;
  readonly limits: Pick<
    SyncLimits,
    | 'leaseMs'
    | 'maxAttempts'
    | 'tombstoneMs'
    | 'maxFutureMs'
    | 'jobRetentionMs'
    | 'historyMs'
    | 'visitAfterMs'
    | 'isShadow'
  >;
}

export interface ClaimTerms extends Terms {
  readonly event: ProjectEvent;
  /** The same for every try of one call, so that a try whose success got lost on the way is recognised. */
  readonly holder: string;
  /** The configured fields: another producer may send more, and a record has room for what copies need only. */
  readonly fields: readonly string[];
}

/** Work in hand: what it is for, and since when. */
export interface Work {
  readonly event: ProjectEvent;
  readonly lease: WorkLease;
  readonly startedAt: number;
  /** Work that no event brought: its record is not changed before it is done, since no message would stand for the
   *  change. */
  readonly repair?: Repair | undefined;
}

/** What a repair brings the assets to. */
export interface Repair {
  /** The state on record before MongoDB was asked. */
  readonly seen: ProjectRecord['desired'];
  /** What MongoDB said; undefined before it was asked. Null: the newest known state will do. */
  readonly fact: Fact | null | undefined;
  /** Only the asset with this path. */
  readonly asset?: string | undefined;
  /** Whether it may find that the project is gone: somebody has judged that it is not one of too many. */
  readonly mayDelete: boolean;
}

/** How far work has come. */
export interface Reached {
  /** Assets that were deleted or updated. */
  readonly processed: number;
  /** Assets that were looked at. */
  readonly scanned: number;
}

/** Work that is put off, and how far it has come. */
export interface Parking extends Reached {
  readonly restraint: Restraint;
  readonly progress: Progress | null;
  readonly total: number | null;
}

/** How work ended: done; with news, which it goes on with; or lost to another worker. */
export type Completion =
  | { readonly kind: 'done' }
  | { readonly kind: 'superseded'; readonly record: ProjectRecord }
  | { readonly kind: 'lost' };

/** The progress on the newest state; null, where what is kept is on an older one, or of another mode: what was only
 *  counted is still to be done. */
function progressOf({ progress, revision }: ProjectRecord, { isShadow }: Terms['limits']): Progress | null {
  if (progress?.isShadow !== isShadow) return null;
  return progress?.revision === revision ? progress : null;
}

/** Folds an event into the record and takes the work lease if there is work. */
export function claimed(before: ProjectRecord, terms: ClaimTerms): Step<Claim> {
  const { event, holder, now, limits, fields } = terms;
  const previous = before.attempts[event.id];
  if (before.lease?.holder === holder) {
    // The answer was lost, and there may have been news since: what was done before it is to be done again.
    const record = { ...before, progress: progressOf(before, limits) };
    return { outcome: { kind: 'claimed', record, lease: before.lease, attempt: previous?.count ?? 1 } };
  }
  const changes = configuredChanges(event, fields);
  const isVoid = before.refuted.includes(event.version) || isDecided(before, event);
  const folded = isVoid
    ? { desired: before.desired, change: 'none' as const }
    : foldInto(before, { ...event, changes }, fields);
  const isNews = folded.change === 'effect';
  const withNews: ProjectRecord = {
    ...before,
    desired: folded.desired,
    deletedAt: isNews && folded.desired.kind === 'deleted' ? now : before.deletedAt,
    hold: holdAfter(before.hold, folded),
    revision: before.revision + (isNews ? 1 : 0),
    // Only tombstones may go, and are visited; and this one is not finished.
    expireAt: isNews ? null : before.expireAt,
    visit: isNews ? null : before.visit,
  };
  const kept = effectiveHold(withNews);
  const isLeased = before.lease !== null && before.lease.expiresAt > now;
  const waits = kept !== null ? 'held' : isLeased ? 'deferred' : 'accepted';
  const { open, history } = opened(before, { event, changes, isVoid, ...folded }, waits, terms);
  const record: ProjectRecord = { ...withNews, open };
  const folding = {
    record: folded.change === 'none' ? undefined : record,
    history,
    ...endOfHold(before, record, terms),
  };
  if (record.appliedRevision === record.revision) {
    // What outranks it may be what the repair under way is about to drop, and nothing else would stand for it then.
    if (before.lease !== null && isLeased && !shows(record.desired, event.version))
      return { outcome: { kind: 'busy', until: before.lease.expiresAt }, ...folding };
    const isOdd = claimsTheFuture(record.desired, now + limits.maxFutureMs);
    return { outcome: { kind: isOdd ? 'odd' : 'duplicate' }, ...folding };
  }
  if (kept !== null) return { outcome: { kind: 'held', state: kept.state }, ...folding };
  if (before.lease !== null && isLeased)
    return { outcome: { kind: 'busy', until: before.lease.expiresAt }, ...folding };
  const attempt = (previous?.count ?? 0) + 1;
  if (attempt > limits.maxAttempts) {
    const outcome = { kind: 'exhausted', attempts: attempt - 1, lastError: previous?.lastError ?? null } as const;
    const givenUp = marked(record, 'dead-lettered', terms, ({ id }) => id === event.id);
    return {
      outcome,
      ...folding,
      record: { ...withoutAttempts(record, event.id), open: givenUp.open },
      history: [...history, ...givenUp.history],
    };
  }
  const lease: WorkLease = { holder, eventId: event.id, expiresAt: now + limits.leaseMs };
  const taken: ProjectRecord = {
    ...record,
    lease,
    progress: progressOf(record, limits),
    // Counted now and taken back when the work ends well, so that a worker that dies without reporting is counted too.
    attempts: { ...record.attempts, [event.id]: { count: attempt, lastError: null } },
  };
  return { outcome: { kind: 'claimed', record: taken, lease, attempt }, ...folding, record: taken };
}

/** Folds an event into a record. A late deletion of a project that lives changes no asset by itself, but it leaves
 *  nothing known of the fields from before it. If it is a false one, no message brings these values back, not even the
 *  creation that they are from, so that it counts like news: its work asks MongoDB. */
function foldInto(before: ProjectRecord, event: Change, fields: readonly string[]): ReturnType<typeof fold> {
  const { desired, change } = fold(before.desired, event);
  const isToBeAsked = change === 'versions' && isPartlyKnown({ desired, open: before.open }, fields);
  return { desired, change: isToBeAsked ? 'effect' : change };
}

/** Whether a person has decided what becomes of the assets of a project that is gone, and all that an event says is
 *  that it is gone: the guard or a visit may have published it before. A deletion of MongoDB's own is a newer one, also
 *  where it overtakes the news of the life before it. */
function isDecided({ desired, hold }: ProjectRecord, event: ProjectEvent): boolean {
  if (hold === null || hold.state === 'held' || desired.kind !== 'deleted') return false;
  return event.type === 'ProjectDeleted' && isStated(event);
}

/** Takes the work lease for a repair, and changes nothing else. Undefined while another worker is at the project. */
export function claimedForRepair(
  before: ProjectRecord,
  { event, holder, now, limits, asset }: Omit<ClaimTerms, 'fields'> & Pick<Repair, 'asset'>,
): Step<Extract<Claim, { kind: 'claimed' | 'held' | 'busy' }>> {
  const { lease: other } = before;
  if (other !== null && other.expiresAt > now && other.holder !== holder) {
    return { outcome: { kind: 'busy', until: other.expiresAt } };
  }
  const kept = effectiveHold(before);
  // An asset is brought to the state on record, whichever event it was left at.
  const isKept = kept !== null && (event.type === 'ProjectDeleted' || asset !== undefined);
  if (isKept) return { outcome: { kind: 'held', state: kept.state } };
  const lease: WorkLease = { holder, eventId: event.id, expiresAt: now + limits.leaseMs };
  const taken = { ...before, lease };
  // What was seen is anywhere, wherever an earlier worker had got to.
  return { outcome: { kind: 'claimed', record: { ...taken, progress: null }, lease, attempt: 1 }, record: taken };
}

/** The record as a worker goes on with it: a repair sees the state that it repairs to. Undefined when another worker
 *  has the lease. */
export function reloaded(current: ProjectRecord, work: Work): Step<ProjectRecord | undefined> {
  if (!holds(current, work)) return { outcome: undefined };
  return { outcome: { ...current, desired: goalOf(current, work).desired, progress: null } };
}

/** Folds what MongoDB says into the record of an event under work (I10). Undefined when another worker has the lease.
 */
export function corrected(
  current: ProjectRecord,
  work: Work,
  seen: ProjectRecord['desired'],
  fact: Fact,
  terms: Pick<Terms, 'now'> & { readonly limits: Pick<SyncLimits, 'historyMs' | 'jobRetentionMs'> },
): Step<ProjectRecord | undefined> {
  if (!holds(current, work)) return { outcome: undefined };
  const { desired, change, refuted } = settle(current.desired, seen, fact);
  const { open, history } = contradicted(current, work.event, { desired, refuted }, fact, terms);
  const record: ProjectRecord = {
    ...current,
    desired,
    open,
    refuted: [...current.refuted, ...refuted].slice(-mostRefuted),
    revision: current.revision + (change === 'effect' ? 1 : 0),
    progress: null,
    hold: desired.kind === 'deleted' ? current.hold : null,
    // A deletion that MongoDB contradicts is none, and does not count among others; one that it tells of does.
    deletedAt: deletedAtAfter(current, desired, terms.now),
  };
  if (change === 'none') return { outcome: record };
  return { outcome: record, record, history, ...endOfHold(current, record, terms) };
}

/** Marks the record's revision as applied and gives the lease back; or says that there is news, and keeps the lease. */
export function completed(
  current: ProjectRecord,
  work: Work,
  { revision }: Pick<ProjectRecord, 'revision'>,
  { processed, scanned }: Reached,
  terms: Terms,
): Step<Completion> {
  const { now, limits } = terms;
  if (!holds(current, work)) return { outcome: { kind: isCompleted(current, revision) ? 'done' : 'lost' } };
  // One asset says nothing of the others.
  if (work.repair?.asset !== undefined) return { outcome: { kind: 'done' }, record: { ...current, lease: null } };
  if (current.revision !== revision) {
    const news = reloaded(current, work).outcome ?? current;
    return { outcome: { kind: 'superseded', record: news } };
  }
  const { desired, change, refuted } = goalOf(current, work);
  const reached = current.revision + (change === 'effect' ? 1 : 0);
  const isTombstone = desired.kind === 'deleted';
  const record: ProjectRecord = {
    ...current,
    desired,
    refuted: [...current.refuted, ...refuted].slice(-mostRefuted),
    revision: reached,
    appliedRevision: reached,
    lease: null,
    progress: null,
    attempts: {},
    expireAt: isTombstone ? now + limits.tombstoneMs : null,
    deletedAt: deletedAtAfter(current, desired, now),
    visit: isTombstone ? visitAfter({ number: 0, doneAt: now }, limits.visitAfterMs, now) : null,
    // A release has been carried out; it says nothing about what may come later.
    hold: null,
    parked: null,
    open: [],
  };
  // A job says what was done; where nothing was, there is nothing to say, and a write to save.
  // One that people have seen waiting gets its end, too.
  const isOwnHold = current.hold?.eventId === work.event.id;
  const isKnown = isOwnHold || current.parked?.eventId === work.event.id;
  const isWorthTelling = processed > 0 || current.progress !== null || isKnown;
  const total = current.progress?.total ?? null;
  const job = jobOf(current, work, desired, terms, {
    status: 'done',
    finishedAt: now,
    total,
    processed,
    scanned,
  });
  return {
    outcome: { kind: 'done' },
    record,
    job: isWorthTelling ? job : undefined,
    history: [
      ...closed(current, desired, { jobId: work.event.id, assets: processed }, terms),
      ...repairedBy(current, work, terms),
    ],
    ...endOfParking(current, otherParked(current, work), terms, isOwnHold ? {} : endOfHold(current, record, terms)),
  };
}

/** Whether the work on a revision was completed by a transaction whose answer was lost. */
export function isCompleted(current: ProjectRecord, revision: number): boolean {
  return current.lease === null && current.appliedRevision >= revision;
}

/** The job of work under way, as people see it. The record stays as it is. */
export function shown(
  current: ProjectRecord,
  work: Work,
  { processed, scanned, total }: Reached & { readonly total: number | null },
  terms: Terms,
): Step<void> {
  if (!holds(current, work)) return { outcome: undefined };
  const { desired } = goalOf(current, work);
  return {
    outcome: undefined,
    job: jobOf(current, work, desired, terms, { status: 'running', processed, scanned, total }),
  };
}

/** Keeps the progress and gives the lease back, for a continuation. From here on a repair is a message like any other,
 *  so its news is in the record. */
export function paused(current: ProjectRecord, work: Work, progress: Progress, terms: Terms): Step<'paused' | 'lost'> {
  if (!holds(current, work)) return { outcome: current.lease === null ? 'paused' : 'lost' };
  const { desired, refuted } = goalOf(current, work);
  const reopened = current.appliedRevision === current.revision ? 1 : 0;
  const record: ProjectRecord = {
    ...withoutAttempts(current, work.event.id),
    desired,
    refuted: [...current.refuted, ...refuted].slice(-mostRefuted),
    lease: null,
    revision: current.revision + reopened,
    expireAt: null,
    deletedAt: deletedAtAfter(current, desired, terms.now),
    progress: { ...progress, revision: progress.revision + reopened },
  };
  const job = jobOf(current, work, desired, terms, { status: 'continued', ...progress, rest: progress.ranges });
  return { outcome: 'paused', record, job, history: repairedBy(current, work, terms) };
}

/** Holds a deletion for a person to decide, and gives the lease back: in one transaction with the job that keeps the
 *  event from then on, since its message is acknowledged. Says that there is news instead, and keeps the lease, if
 *  there is. */
export function heldBack(
  current: ProjectRecord,
  work: Work,
  { revision }: Pick<ProjectRecord, 'revision'>,
  assets: number,
  terms: Terms,
): Step<Completion> {
  const { now } = terms;
  const eventId = work.event.id;
  if (!holds(current, work)) {
    const isHeldByEarlierTry = current.lease === null && current.hold?.eventId === eventId;
    return { outcome: { kind: isHeldByEarlierTry ? 'done' : 'lost' } };
  }
  const { version } = current.desired;
  if (current.revision !== revision || version === null) {
    return { outcome: { kind: 'superseded', record: { ...current, progress: null } } };
  }
  const hold: Hold = { state: 'held', since: now, eventId, version };
  const { open, history } = marked(current, 'held', terms);
  return {
    outcome: { kind: 'done' },
    record: { ...current, lease: null, progress: null, attempts: {}, hold, open, parked: null },
    history,
    ...endOfParking(current, otherParked(current, work), terms),
    job: jobOf(current, work, current.desired, terms, {
      status: 'held',
      heldAt: now,
      total: assets,
      processed: 0,
      scanned: 0,
    }),
  };
}

/** Puts work off until a restraint is over, and gives the lease back: in one transaction with the job that keeps the
 *  event from then on, since its message is acknowledged. Says that there is news instead, and keeps the lease, if
 *  there is. Progress is kept where a part of the work was carried out. */
export function parked(
  current: ProjectRecord,
  work: Work,
  { revision, parked: earlier }: Pick<ProjectRecord, 'revision' | 'parked'>,
  { restraint, progress, ...reached }: Parking,
  terms: Terms,
): Step<Completion> {
  const { now } = terms;
  const eventId = work.event.id;
  if (!holds(current, work)) {
    // That it was parked before the work began says nothing: its job may not keep it any more.
    const isNew = current.parked?.since !== earlier?.since;
    const isParkedByEarlierTry = current.lease === null && current.parked?.eventId === eventId && isNew;
    return { outcome: { kind: isParkedByEarlierTry ? 'done' : 'lost' } };
  }
  if (current.revision !== revision) {
    return { outcome: { kind: 'superseded', record: { ...current, progress: null } } };
  }
  const { open, history } = marked(current, restraint === 'shadow' ? 'shadow' : 'deferred', terms);
  return {
    outcome: { kind: 'done' },
    record: { ...current, lease: null, progress, attempts: {}, open, parked: { eventId, since: now } },
    history,
    job: jobOf(current, work, current.desired, terms, { status: 'pending', parkedFor: restraint, ...reached }),
    ...endOfParking(current, otherParked(current, work), terms),
  };
}

/** Gives the lease of a repair back, which nobody waits for: whoever asked for it finds what is left. */
export function givenBack(current: ProjectRecord, work: Work): Step<void> {
  return { outcome: undefined, record: holds(current, work) ? { ...current, lease: null } : undefined };
}

/** Keeps the progress and the error and gives the lease back, so that the redelivery can begin at once. A repair keeps
 *  no progress: whoever asked for it finds what is left. */
export function failed(
  current: ProjectRecord,
  work: Work,
  progress: Progress | null,
  lastError: string,
  terms: Terms,
): Step<'failed' | 'lost'> {
  const { now, limits } = terms;
  if (!holds(current, work)) return { outcome: 'lost' };
  const { id } = work.event;
  const count = current.attempts[id]?.count ?? 1;
  const released: ProjectRecord = { ...current, lease: null };
  const counted = { ...released, progress: progress ?? current.progress };
  const attempts = { ...current.attempts, [id]: { count, lastError } };
  const isLast = count >= limits.maxAttempts && work.repair === undefined;
  const { open, history } = isLast
    ? marked(current, 'dead-lettered', terms, (event) => event.id === id)
    : { open: current.open, history: [] };
  return {
    outcome: 'failed',
    record: work.repair ? released : isLast ? { ...withoutAttempts(counted, id), open } : { ...counted, attempts },
    history,
    job: jobOf(current, work, goalOf(current, work).desired, terms, {
      status: 'failed',
      finishedAt: now,
      total: progress?.total ?? null,
      processed: progress?.processed ?? 0,
      scanned: progress?.scanned ?? 0,
      rest: progress?.ranges ?? [],
      errors: [lastError],
    }),
  };
}

/** The record without the count of an event: it begins anew when it is delivered the next time. */
export function withoutAttempts(record: ProjectRecord, eventId: string): ProjectRecord {
  const { [eventId]: _forgotten, ...attempts } = record.attempts;
  return { ...record, attempts };
}

function holds(current: ProjectRecord, work: Work): boolean {
  return current.lease?.holder === work.lease.holder;
}

/** The state that the assets are brought to. */
function goalOf({ desired }: ProjectRecord, { repair }: Work): ReturnType<typeof settle> {
  return repair?.fact ? settle(desired, repair.seen, repair.fact) : { desired, change: 'none', refuted: [] };
}

/** What a repair brings into the record, for the history. */
function repairedBy(current: ProjectRecord, work: Work, terms: Terms): readonly HistoryWrite[] {
  const { fact } = work.repair ?? {};
  const { desired, change, refuted } = goalOf(current, work);
  return fact && change !== 'none' ? repaired(current, work.event, { fact, desired, refuted }, terms) : [];
}

/** A deletion that a repair found out becomes known when it is done; life, whoever said otherwise, was no deletion. */
function deletedAtAfter(current: ProjectRecord, desired: ProjectRecord['desired'], now: number): number | null {
  if (desired.kind === current.desired.kind) return current.deletedAt;
  return desired.kind === 'deleted' ? now : null;
}

type EndTerms = Pick<Terms, 'now'> & { readonly limits: Pick<SyncLimits, 'jobRetentionMs'> };

/** What is left of a hold after an event. Life ends it. A decision was about the deletions known then: a newer one is
 *  judged by itself. What is still undecided stays so. */
function holdAfter(
  hold: Hold | null,
  { desired, change }: { readonly desired: ProjectRecord['desired']; readonly change: FoldChange },
): Hold | null {
  if (hold === null || desired.kind !== 'deleted') return null;
  return change === 'effect' && hold.state !== 'held' ? null : hold;
}

/** Marks the job of a hold that is over: others stand for its news. That it was discarded stays to be read. */
function endOfHold(
  { hold }: ProjectRecord,
  after: ProjectRecord,
  { now: at, limits }: EndTerms,
): Pick<Step<unknown>, 'ends'> {
  if (hold === null || after.hold !== null) return {};
  const status = hold.state === 'discarded' ? null : 'superseded';
  return { ends: [{ eventId: hold.eventId, status, at, expireAt: at + limits.jobRetentionMs }] };
}

// What is parked stays so until the work is done, held, or parked anew. A delivery that works on it may be a late one,
// whose message was acknowledged long ago: if that dies, nobody else stands for the news.

/** The event that is parked, if it is another than the one that is worked on. */
function otherParked({ parked }: ProjectRecord, { event }: Work): string | undefined {
  return parked?.eventId === event.id ? undefined : parked?.eventId;
}

/** Marks the job of an event that is not parked any more: others stand for its news. What ends besides is kept. */
function endOfParking(
  before: ProjectRecord,
  eventId: string | undefined,
  { now: at, limits }: EndTerms,
  others: Pick<Step<unknown>, 'ends'> = {},
): Pick<Step<unknown>, 'ends'> {
  if (eventId === undefined || before.parked?.eventId !== eventId) return { ends: others.ends };
  const expireAt = at + limits.jobRetentionMs;
  return { ends: [...(others.ends ?? []), { eventId, status: 'superseded', at, expireAt }] };
}

type JobEnd = Pick<SyncJob, 'status' | 'total' | 'processed' | 'scanned'> &
  Partial<Pick<SyncJob, 'finishedAt' | 'heldAt' | 'errors'>> & {
    readonly parkedFor?: Restraint;
    readonly rest?: readonly KeyRange[];
  };

function jobOf(
  { open, parked: earlier }: ProjectRecord,
  { event, startedAt }: Work,
  desired: ProjectRecord['desired'],
  { now, limits }: Terms,
  end: JobEnd,
): SyncJob {
  const isKept = end.status === 'held' || end.parkedFor !== undefined;
  const staysParked = !isKept && end.status !== 'done' && earlier?.eventId === event.id;
  return {
    event,
    staysParked,
    initiator: initiatorOf(open, desired, originOf(event)),
    type: desired.kind === 'deleted' ? 'delete' : 'update',
    status: end.status,
    startedAt,
    finishedAt: end.finishedAt ?? null,
    heldAt: end.heldAt ?? null,
    parkedFor: end.parkedFor ?? null,
    reason: end.parkedFor === undefined ? null : describeRestraint(end.parkedFor),
    total: end.total,
    processed: end.processed,
    scanned: end.scanned,
    rangesLeft: end.rest?.length ?? 0,
    errors: end.errors ?? [],
    expireAt: isKept || staysParked ? null : now + limits.jobRetentionMs,
  };
}
