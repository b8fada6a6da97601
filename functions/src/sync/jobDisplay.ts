import { secondMs } from '../clock.ts';
import { errorText } from '../log.ts';
import type { SyncDependencies } from './dependencies.ts';
import { transact } from './transact.ts';
import { type Reached, shown, type Work } from './transitions.ts';

/** Work that takes no longer is shown when it is done, in ms: most does, and costs no write more for it. */
export const shortMs = 2 * secondMs;

/** How often work under way is shown, in ms. */
const everyMs = 5 * secondMs;

/** Shows people the work under way, in its job. Nothing depends on it. */
export interface JobDisplay {
  /** Notes how far the work is, and shows that when it is due; at once if it is known to be long, and was not shown
   *  yet. Never waits and never throws. */
  note(reached: Reached, isLong?: boolean): void;
  /** Assets to look at in all, once they were counted. */
  total(): number | null;
  /** Resolves when nothing is being written. To be awaited before the work ends: its end is the last word. */
  settled(): Promise<void>;
}

/** @param count counts the assets to look at in all, of which so many were.
 *  @param knownTotal what an earlier invocation has counted. */
export function createJobDisplay(
  dependencies: SyncDependencies,
  workNow: () => Work,
  count: (scanned: number) => Promise<number>,
  knownTotal: number | null,
): JobDisplay {
  const { clock, limits, log } = dependencies;
  let dueAt = clock.now() + shortMs;
  let total = knownTotal;
  let wasShown = false;
  let showing: Promise<void> | undefined;

  async function show({ processed, scanned }: Reached): Promise<void> {
    const work = workNow();
    try {
      total ??= await count(scanned);
      await transact(dependencies, work.event.projectId, (current) =>
        shown(current, work, { processed, scanned, total }, { now: clock.now(), limits }),
      );
    } catch (error) {
      log.warn('work under way could not be shown; it goes on', {
        projectId: work.event.projectId,
        eventId: work.event.id,
        error: errorText(error),
      });
    } finally {
      showing = undefined;
    }
  }

  return {
    note(reached, isLong = false) {
      const isDue = clock.now() >= dueAt || (isLong && !wasShown);
      if (!isDue || showing !== undefined || workNow().repair?.asset !== undefined) return;
      dueAt = clock.now() + everyMs;
      wasShown = true;
      showing = show(reached);
    },
    total: () => total,
    settled: async () => showing,
  };
}
