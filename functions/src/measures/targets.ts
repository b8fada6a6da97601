import type { z } from 'zod';
import type { targetView } from '../api/views/now.ts';
import { minuteMs } from '../clock.ts';
import type { TargetsConfig } from '../config/targetsConfig.ts';
import { percentile } from './histogram.ts';
import { type Measure, mergeAll } from './measure.ts';

export type Target = z.infer<typeof targetView>;

/** The share of events whose time counts: the slowest one in twenty may be slower. */
const shownShare = 0.95;

/** Minutes at the end that may be missing, since they are measured a little after they are over, and a relay hands
 *  over to the next. */
const allowedGap = 2;

/** Whether the targets are met, by the last minutes (oldest first, null for one that nobody measured). A target of
 *  which nothing is known is not met, but for the time of events where there were none. Pure. */
export function judgeTargets(minutes: readonly (Measure | null)[], goals: TargetsConfig): readonly Target[] {
  const measured = minutes.filter((minute) => minute !== null);
  const gap = minutes.length - 1 - minutes.findLastIndex((minute) => minute !== null);
  const newest = gap <= allowedGap ? (measured.at(-1) ?? null) : null;
  const all = mergeAll(measured);
  // An outage that goes on shows as minutes that are missing at the end.
  const missingMs = gap <= allowedGap ? 0 : gap * minuteMs;
  const shown = all === null ? null : percentile(all.shown, shownShare);
  return [
    { name: 'commit-to-shown', goal: goals.shownMs, measured: shown, met: isMet(shown, goals.shownMs, all !== null) },
    target('relay-lag', goals.relayLagMs, newest === null ? null : newest.relayLagMs),
    target('recovery', goals.recoveryMs, all === null ? null : Math.max(all.relayDownMs, missingMs)),
    target('progress', goals.progressMs, newest === null ? null : newest.stalledMs),
  ];
}

function target(name: Target['name'], goal: number, measured: number | null): Target {
  return { name, goal, measured, met: isMet(measured, goal, false) };
}

function isMet(measured: number | null, goal: number, otherwise: boolean): boolean {
  return measured === null ? otherwise : measured <= goal;
}
