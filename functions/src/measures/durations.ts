import { minuteMs } from '../clock.ts';
import type { TargetsConfig } from '../config/targetsConfig.ts';
import type { Measure } from './measure.ts';

/** A minute as it is, and what went before. */
export interface Circumstances {
  /** The minute before, if somebody measured it. */
  readonly before: Measure | null;
  /** Otherwise for how long nobody was there before, in ms. */
  readonly silentMs: number;
  readonly relayLagMs: number | null;
  readonly backlog: number;
  /** Whether work was done: an event was settled, or assets were. */
  readonly moved: boolean;
}

/** How long, by the end of a minute, the relay had missed its target, and work had waited without any being done. The
 *  minute in which an outage ends still has its length. Pure. */
export function durations(
  { before, silentMs, relayLagMs, backlog, moved }: Circumstances,
  { relayLagMs: goal }: Pick<TargetsConfig, 'relayLagMs'>,
): Pick<Measure, 'relayDownMs' | 'stalledMs'> {
  const isNear = (lag: number | null) => lag !== null && lag <= goal;
  const downBefore = before === null ? silentMs : isNear(before.relayLagMs) ? 0 : before.relayDownMs;
  return {
    relayDownMs: isNear(relayLagMs) ? downBefore : downBefore + minuteMs,
    stalledMs: backlog > 0 && !moved ? (before?.stalledMs ?? 0) + minuteMs : 0,
  };
}
