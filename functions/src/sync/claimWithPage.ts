import type { Transaction } from 'firebase-admin/firestore';
import type { Config } from '../config/defineConfig.ts';
import type { Control } from '../control/control.ts';
import type { ProjectEvent } from '../events/contract.ts';
import { timeOf } from '../events/version.ts';
import { asksForLess } from '../grpc.ts';
import { errorText } from '../log.ts';
import type { ProjectRecord } from '../records/projectRecord.ts';
import type { Budget, SyncDependencies } from './dependencies.ts';
import type { Share } from './memory/memory.ts';
import { planOf, rangesFor } from './pages/assets.ts';
import { wantedCopies } from './pages/copyUpdates.ts';
import { createDocumentSizes, type DocumentSizes } from './pages/documentSizes.ts';
import { planFirstUpdates } from './pages/page.ts';
import { admitted } from './pages/pagePool.ts';
import { bytesOfCopies, bytesOfFirstUpdates, copiesOnly } from './pages/pageSize.ts';
import { restraintOn } from './restraint.ts';
import { claimsTheFuture, isPartlyKnown } from './settle.ts';
import { type Step, transact } from './transact.ts';
import { type Claim, type ClaimTerms, claimed, completed, type Work } from './transitions.ts';

/** What a claim with a page came to: a claim that has begun goes on where the page ended. */
export type ClaimWithPage =
  | Exclude<Claim, { kind: 'claimed' }>
  | (Extract<Claim, { kind: 'claimed' }> & {
      /** How large the copies are that the page has seen. */
      readonly sizes?: DocumentSizes;
    })
  | { readonly kind: 'applied'; readonly processed: number };

/** Claims an event of a living project and brings the first page of its assets in step in the same transaction. That is
 *  all there is to do for most of them: three calls follow each other instead of five, and the record is written once.
 *
 *  Undefined where the claim has to be made by itself: for deletions, which are on record before they are judged (I8);
 *  for old events, which are counted (see `countAfterMs`); in shadow mode; and where this way failed. It has changed
 *  nothing then, or everything: the claim that follows sees which, tells what is wrong, and counts it. */
export async function claimWithPage(
  dependencies: SyncDependencies,
  terms: Omit<ClaimTerms, 'now'>,
  { deadline, signal }: Budget,
): Promise<ClaimWithPage | undefined> {
  const { clock, limits, log, throttle, memory } = dependencies;
  const { event } = terms;
  const isOver = clock.now() >= deadline || signal.aborted;
  const isCounted = clock.now() - timeOf(event.version) >= limits.countAfterMs;
  if (event.type === 'ProjectDeleted' || isOver || isCounted || limits.isShadow) return undefined;
  const share = await admitted({ throttle, memory: memory.pages }, bytesOfFirstUpdates(event));
  try {
    // It may have waited long for its turn.
    const control = await dependencies.control.read();
    const outcome = await transact(dependencies, event.projectId, (current, transaction) =>
      withPage(
        { dependencies, transaction, share, event, control },
        current,
        claimed(current, { ...terms, now: clock.now() }),
      ),
    );
    throttle.succeeded();
    return outcome;
  } catch (error) {
    if (asksForLess(error)) throttle.pushedBack();
    log.debug('an event is claimed by itself: together with its page it failed', {
      eventId: event.id,
      error: errorText(error),
    });
    return undefined;
  } finally {
    share.release();
  }
}

interface PageOfClaim {
  readonly dependencies: SyncDependencies;
  readonly transaction: Transaction;
  readonly share: Share;
  readonly event: ProjectEvent;
  readonly control: Control;
}

async function withPage(
  { dependencies, transaction, share, event, control }: PageOfClaim,
  before: ProjectRecord,
  step: Step<Claim>,
): Promise<Step<ClaimWithPage>> {
  const { clock, config, limits } = dependencies;
  const claim = step.outcome;
  if (claim.kind !== 'claimed' || claim.attempt > 1 || !isPlain(dependencies, claim.record, control)) return step;
  const { record, lease } = claim;
  const sizes = sizesOfCopies(config, before);
  const page = await planFirstUpdates({ ...dependencies, record, sizes }, transaction, rangesFor(config, record));
  share.resize(page.bytes);
  const now = clock.now();
  if (page.rests.length > 0) {
    const { processed, scanned, rests: ranges } = page;
    const plan = planOf(config);
    const reached = { ranges, processed, scanned, total: null, startedAt: now, createdBefore: null };
    const progress = { revision: record.revision, plan, isShadow: limits.isShadow, ...reached };
    const begun: ProjectRecord = { ...record, progress };
    return { ...step, outcome: { ...claim, record: begun, sizes }, record: begun, writeAssets: page.write };
  }
  const work: Work = { event, lease, startedAt: now };
  const end = completed(record, work, record, page, { now, limits });
  return {
    outcome: { kind: 'applied', processed: page.processed },
    record: end.record,
    job: end.job,
    history: [...(step.history ?? []), ...(end.history ?? [])],
    ends: [...(step.ends ?? []), ...(end.ends ?? [])],
    writeAssets: page.write,
  };
}

/** Whether the record says all that is needed, and nothing of the work has begun or is put off. */
function isPlain({ clock, config, limits }: SyncDependencies, record: ProjectRecord, control: Control): boolean {
  const { desired, progress } = record;
  if (desired.kind !== 'live' || progress !== null || isPartlyKnown(record, config.source.fields)) return false;
  if (claimsTheFuture(desired, clock.now() + limits.maxFutureMs)) return false;
  return config.collections.every(({ name }) => restraintOn(control, record, name) === undefined);
}

/** How large the copies of a project are, if they show what its record said before. */
function sizesOfCopies({ collections }: Config, { desired }: ProjectRecord): DocumentSizes {
  const sizes = createDocumentSizes(copiesOnly);
  for (const collection of collections) {
    const shown = wantedCopies(collection, desired);
    const isKnown = shown.length > 0 && shown.length === Object.keys(collection.copies).length;
    if (isKnown) sizes.observe(collection.name, 1, bytesOfCopies(shown));
  }
  return sizes;
}
