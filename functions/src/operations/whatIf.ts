import { z } from 'zod';
import { costOf } from '../config/prices.ts';
import { type Estimate, estimateChange, projectChanges } from '../whatIf/estimate.ts';
import { defineOperation, type OperationContext, type Preview } from './operation.ts';
import { projectIdsInput } from './projectIds.ts';

const input = z.strictObject({
  projectIds: projectIdsInput,
  change: z.enum(projectChanges),
});

type Input = z.output<typeof input>;

/** What a change would touch, and what it would cost. Its preview is all there is. */
export const whatIf = defineOperation({
  name: 'what-if',
  role: 'viewer',
  changes: false,
  summary: 'Counts what deleting or renaming projects would touch, and what it would cost. Writes nothing.',
  input,
  preview: previewOf,
  async act(context, given) {
    const { count, what } = await previewOf(context, given);
    return { result: `${count} ${what}; nothing was changed`, count, sequence: null, jobId: null };
  },
});

async function previewOf(context: OperationContext, { projectIds, change }: Input): Promise<Preview> {
  const estimate = await estimateChange(context, projectIds, change);
  return {
    count: new Set(projectIds).size,
    what: `projects, if they were ${change === 'delete' ? 'deleted' : 'renamed'}`,
    details: estimateDetails(estimate),
  };
}

/** An estimate as named values. */
export function estimateDetails({ collections, total, ownReads }: Estimate): Preview['details'] {
  return [
    ...collections.flatMap(({ name, assets, below, isAbout, isReckoned }) => [
      { name: `assets in ${name}${isAbout ? ' (about)' : ''}`, value: assets },
      ...(below > 0 ? [{ name: `below them${isAbout || isReckoned ? ' (about)' : ''}`, value: below }] : []),
    ]),
    { name: 'reads', value: total.reads },
    { name: 'writes', value: total.writes },
    { name: 'deletes', value: total.deletes },
    { name: 'at list price', value: dollars(costOf(total)) },
    { name: 'reads of this estimate', value: ownReads },
  ];
}

/** Two digits that say something, however little it is. */
function dollars(cost: number): string {
  return `$${cost >= 1 ? cost.toFixed(2) : Number(cost.toPrecision(2)).toString()}`;
}
