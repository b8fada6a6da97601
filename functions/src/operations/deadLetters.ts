import { z } from 'zod';
import { type Drop, drop } from '../deadLetters/drop.ts';
import type { Failure } from '../deadLetters/failure.ts';
import { type Redrive, redrive, type SkipReason } from '../deadLetters/redrive.ts';
import { countDeadLetters, type DeadLetterSelection, selectDeadLetters } from '../deadLetters/select.ts';
import { errorText } from '../log.ts';
import { hasDocumentId } from '../records/documentIds.ts';
import { createTally } from './many.ts';
import { defineOperation, type Item, type OperationContext, type Outcome, type Preview } from './operation.ts';
import { exactlyOneOf, projectIdInput } from './projectIds.ts';

/** Dead letters that are named one by one. */
const mostIds = 500;

const selection = {
  /** Ids of events, or of documents in syncFailures. */
  ids: z.array(z.string().refine(hasDocumentId, 'is not the id of a dead letter')).min(1).max(mostIds).optional(),
  projectId: projectIdInput.optional(),
  /** Why they were given up. */
  reason: z.string().min(1).optional(),
  all: z.literal(true).optional(),
};
const selectors = ['ids', 'projectId', 'reason', 'all'] as const;

const dropInput = z.strictObject(selection).superRefine(exactlyOneOf(selectors));

const redriveInput = z
  .strictObject({
    ...selection,
    /** Also what this version cannot read; what `ids` names is redriven anyway. */
    includeUnreadable: z.boolean().optional(),
  })
  .superRefine(exactlyOneOf(selectors));

type Selected = z.output<typeof dropInput>;

export const redriveDeadLetters = defineOperation({
  name: 'redrive',
  role: 'operator',
  changes: true,
  summary: 'Publishes the messages of dead letters again; repair what they failed with first.',
  input: redriveInput,
  preview: (context, given) => preview(context, given, 'dead letters to redrive'),
  act(context, { includeUnreadable = false, ...given }, counted) {
    const options = { dryRun: false, includeUnreadable: includeUnreadable || given.ids !== undefined };
    return decideEach(context, given, counted, 'redriven', async (snapshot) => {
      const one = await redrive(context, snapshot, options);
      return { item: redriveItem(one), sequence: one.kind === 'published' ? one.sequence : null };
    });
  },
});

export const dropDeadLetters = defineOperation({
  name: 'drop-dead-letters',
  role: 'operator',
  changes: true,
  summary: 'Decides that the changes of dead letters are not to be applied.',
  input: dropInput,
  preview: (context, given) => preview(context, given, 'dead letters to drop'),
  act: (context, given, counted) =>
    decideEach(context, given, counted, 'dropped', async (snapshot) => {
      const one = await drop(context, snapshot, { dryRun: false });
      return { item: dropItem(one), sequence: one.kind === 'dropped' ? one.sequence : null };
    }),
});

const skipTexts: Readonly<Record<SkipReason, string>> = {
  'too-large': 'too large to be kept whole; reconcile its project instead',
  'no-event': 'a change that became no event; change the project in MongoDB once more, or reconcile it',
  unreadable: 'this version cannot read it; --include-unreadable redrives it for a newer one',
  'already-redriven': 'redriven before, and has not failed since',
  dropped: 'dropped before',
};

/** What became of one dead letter that was to be redriven, also in a rehearsal. */
export function redriveItem(one: Redrive): Item {
  const { id, failure } = one;
  const item = { target: id, details: detailsOf(one.kind, failure) };
  switch (one.kind) {
    case 'published':
    case 'publishable':
      return { ...item, kind: 'done', text: whyOf(failure) };
    case 'skipped':
      return {
        ...item,
        kind: 'skipped',
        text: skipTexts[one.reason],
        details: { ...item.details, skipped: one.reason },
      };
    case 'failed':
      return { ...item, kind: 'failed', text: errorText(one.error), error: one.error };
  }
}

/** What a person has decided about a dead letter, by its status. */
const decidedBefore: Readonly<Record<Failure['status'], SkipReason | null>> = {
  redriven: 'already-redriven',
  dropped: 'dropped',
  dead: null,
  failing: null,
};

/** What became of one dead letter that was to be dropped, also in a rehearsal. */
export function dropItem(one: Drop): Item {
  const { id, failure } = one;
  const item = { target: id, details: detailsOf(one.kind, failure) };
  switch (one.kind) {
    case 'dropped':
    case 'droppable':
      return { ...item, kind: 'done', text: whyOf(failure) };
    case 'skipped':
      return {
        ...item,
        kind: 'skipped',
        text: `is ${one.status}, and does not wait for a decision`,
        details: { ...item.details, skipped: decidedBefore[one.status] },
      };
    case 'failed':
      return { ...item, kind: 'failed', text: errorText(one.error), error: one.error };
  }
}

function whyOf(failure: Failure | null): string {
  return failure === null ? '' : `${failure.reason} after ${failure.attempts} attempts: ${failure.error}`;
}

function detailsOf(outcome: string, failure: Failure | null): NonNullable<Item['details']> {
  return {
    outcome,
    projectId: failure?.projectId ?? null,
    reason: failure?.reason ?? null,
    error: failure?.error ?? null,
    attempts: failure?.attempts ?? null,
    times: failure?.times ?? null,
  };
}

function selectionOf({ ids, projectId, reason }: Selected): DeadLetterSelection {
  return ids === undefined ? { kind: 'waiting', projectId, reason } : { kind: 'ids', ids: [...new Set(ids)] };
}

async function preview({ firestore }: OperationContext, given: Selected, what: string): Promise<Preview> {
  const count = await countDeadLetters(firestore, selectionOf(given));
  return { count, what, moves: given.ids === undefined, details: [] };
}

interface Decided {
  readonly item: Item;
  readonly sequence?: number | null;
}

async function decideEach(
  context: OperationContext,
  given: Selected,
  counted: number,
  done: string,
  decide: (snapshot: Parameters<typeof drop>[1]) => Promise<Decided>,
): Promise<Outcome> {
  const tally = createTally(context, given.ids === undefined ? counted : undefined);
  for await (const page of selectDeadLetters(context, selectionOf(given))) {
    for (const found of page) {
      if (tally.isOver()) return tally.outcome(done);
      if ('missing' in found) {
        const text = `there is no dead letter of event "${found.missing}"`;
        await tally.add({ target: found.missing, kind: 'not-found', text });
        continue;
      }
      const { item, sequence } = await decide(found);
      await tally.add(item, sequence);
    }
  }
  return tally.outcome(done);
}
