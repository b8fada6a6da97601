import type { IdRange } from './assetIndex.ts';
import { compareStrings, justAfter } from './stringOrder.ts';

/** Ids per range in the sample: with 20 the largest range has seldom more than twice its share. */
export const samplesPerRange = 20;

/** Cuts all project ids into at most `count` ranges that hold about equally many projects, judged by a sample. The ranges cover every text but the empty one,
 *  so that ids outside of the sample, which may be orphans, lie in one of them too. */
export function rangesFromSample(sample: readonly string[], count: number): IdRange[] {
  const sorted = [...new Set(sample)].filter((id) => id !== '').toSorted(compareStrings);
  const bounds: string[] = [];
  for (let index = 1; index < count; index += 1) {
    const bound = sorted[Math.floor((index * sorted.length) / count)];
    if (bound !== undefined && bound !== bounds.at(-1)) bounds.push(bound);
  }
  const starts = [justAfter(''), ...bounds];
  return starts.map((from, index) => ({ from, to: starts[index + 1] ?? null }));
}

/** One range per project, for a run over single projects. */
export function rangesOfProjects(projectIds: readonly string[]): IdRange[] {
  return [...new Set(projectIds)].toSorted(compareStrings).map((id) => ({ from: id, to: justAfter(id) }));
}
