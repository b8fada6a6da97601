import { bulkWriter } from './bulkWriter.ts';
import type { Contender } from './contender.ts';
import { oneByOne } from './oneByOne.ts';
import { ours, oursArchiving } from './ours.ts';
import { pagedBatches } from './pagedBatches.ts';

/** Every way that is compared, by the name that it has in the ratios. */
export const contenders = {
  ours,
  archiving: oursArchiving,
  'one-by-one': oneByOne,
  bulkwriter: bulkWriter,
  batches: pagedBatches,
} as const satisfies Readonly<Record<string, Contender>>;

export type ContenderName = keyof typeof contenders;

export function isContender(name: string): name is ContenderName {
  return Object.hasOwn(contenders, name);
}
