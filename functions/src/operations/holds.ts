import { z } from 'zod';
import { createHolds, type Discard, type HeldName, type Holds, type Release } from '../holds/decide.ts';
import { heldJobs, openStatuses } from '../holds/job.ts';
import { errorText } from '../log.ts';
import { createTally, type Tally } from './many.ts';
import { defineOperation, type Item, type Operation, type OperationContext, type Preview } from './operation.ts';
import { exactlyOneOf, projectIdsInput } from './projectIds.ts';

const input = z
  .strictObject({
    projectIds: projectIdsInput.optional(),
    /** Every deletion that is held. */
    all: z.literal(true).optional(),
  })
  .superRefine(exactlyOneOf(['projectIds', 'all']));

type Input = z.output<typeof input>;

export const releaseHolds = decisionOnHolds('release', 'Carries held deletions out: their assets are deleted.');
export const discardHolds = decisionOnHolds('discard', 'Keeps the assets of projects whose deletion is held.');

function decisionOnHolds(kind: 'release' | 'discard', summary: string): Operation {
  return defineOperation({
    name: `${kind}-holds`,
    role: 'operator',
    changes: true,
    summary,
    input,
    preview: (context, given) => preview(context, given, kind),
    async act(context, given, counted) {
      const holds = createHolds(context);
      const tally = createTally(context, given.projectIds === undefined ? counted : undefined);
      const decide = (name: HeldName) => decideOne(holds, kind, name, tally);
      if (given.projectIds === undefined) await decideAll(holds, decide, tally);
      else await decideThese(holds, given.projectIds, decide, tally);
      return tally.outcome(kind === 'release' ? 'released' : 'discarded');
    },
  });
}

async function preview(
  { firestore, ...context }: OperationContext,
  { projectIds }: Input,
  kind: 'release' | 'discard',
): Promise<Preview> {
  const holds = createHolds({ firestore, ...context });
  const what = `held ${kind === 'release' ? 'deletions, whose assets will be deleted' : 'deletions, whose assets will stay'}`;
  if (projectIds === undefined) {
    const counted = await heldJobs(firestore, openStatuses).count().get();
    return { count: counted.data().count, what, moves: true, details: [] };
  }
  const found = await Promise.all(projectIds.map((projectId) => holds.find(projectId)));
  return { count: found.filter((name) => name !== undefined).length, what, details: [] };
}

async function decideAll(holds: Holds, decide: (name: HeldName) => Promise<void>, tally: Tally): Promise<void> {
  for await (const page of holds.list()) {
    for (const entry of page) {
      if (tally.isOver()) return;
      if (entry instanceof Error) await tally.add({ target: '', kind: 'failed', text: entry.message });
      else await decide({ projectId: entry.projectId, eventId: entry.event.id });
    }
  }
}

async function decideThese(
  holds: Holds,
  projectIds: readonly string[],
  decide: (name: HeldName) => Promise<void>,
  tally: Tally,
): Promise<void> {
  for (const projectId of new Set(projectIds)) {
    if (tally.isOver()) return;
    const name = await holds.find(projectId);
    if (name !== undefined) await decide(name);
    else await tally.add({ target: projectId, kind: 'not-found', text: `no deletion of project ${projectId} is held` });
  }
}

/** One that fails does not stop the others (I11). */
async function decideOne(holds: Holds, kind: 'release' | 'discard', name: HeldName, tally: Tally): Promise<void> {
  const target = name.projectId;
  try {
    const outcome = await holds[kind](name);
    const sequence = 'sequence' in outcome ? outcome.sequence : null;
    await tally.add({ target, ...itemOf(outcome) }, sequence);
  } catch (error) {
    await tally.add({ target, kind: 'failed', text: errorText(error), error });
  }
}

function itemOf(outcome: Release | Discard): Pick<Item, 'kind' | 'text'> {
  switch (outcome.kind) {
    case 'released':
      return { kind: 'done', text: `released, ${assetsText(outcome.assets)} will be deleted` };
    case 'discarded':
      return {
        kind: 'done',
        text: `discarded, ${assetsText(outcome.assets)} ${outcome.assets === 1 ? 'stays' : 'stay'}`,
      };
    case 'under-way':
      return { kind: 'nothing-to-do', text: 'was released before, and the work has begun' };
    case 'too-late':
      return { kind: 'failed', text: 'was released before, so it cannot be discarded any more' };
    case 'nothing-held':
      return {
        kind: 'not-found',
        text: 'nothing is held any more; the project was created again, or the work is done',
      };
  }
}

function assetsText(assets: number | null): string {
  return assets === 1 ? '1 asset' : `${assets ?? 'its'} assets`;
}
