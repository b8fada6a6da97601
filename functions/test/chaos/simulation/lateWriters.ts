import type { Act } from '../history.ts';
import { assetKinds } from '../history.ts';
import type { Random } from '../random.ts';

/** How late server processes write after the history began, at most, in ms: before the last visit of any deletion. */
const latestMs = 150_000;

/** What server processes write that know of no deletion: assets of the projects of a run, at times of their own. */
export function lateWrites(
  random: Random,
  projectIds: readonly string[],
): readonly { readonly afterMs: number; readonly act: Act }[] {
  return Array.from({ length: random.whole(1, 5) }, (_none, index) => {
    const kind = random.pick(assetKinds);
    const act: Act = {
      do: 'add',
      project: random.pick(projectIds),
      kind,
      ids: [`late-${index}`],
      below: kind === 'storyboard' ? random.whole(0, 2) : 0,
    };
    return { afterMs: random.whole(0, latestMs), act };
  });
}
