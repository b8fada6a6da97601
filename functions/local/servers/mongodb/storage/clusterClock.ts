import { Timestamp } from 'bson';
import type { Clock } from '../../../../src/clock.ts';

/** A point of the order that all writes stand in: seconds since the epoch and a counter within the second. */
export interface OpTime {
  readonly t: number;
  readonly i: number;
}

export const compareOpTimes = (a: OpTime, b: OpTime) => a.t - b.t || a.i - b.i;

export const toTimestamp = ({ t, i }: OpTime) => new Timestamp({ t, i });

/** The point right behind another one. */
export const justAfter = ({ t, i }: OpTime): OpTime => ({ t, i: i + 1 });

/** Strictly increasing cluster time, whatever the machine's clock does. */
export interface ClusterClock {
  /** The latest time that was given out or seen. */
  current(): OpTime;
  /** A time later than every other. */
  next(): OpTime;
  /** Follows the machine's clock without a write, so that a quiet stream's position does not age. */
  follow(): OpTime;
  /** Takes over a later time that a client brought along. */
  observe(time: OpTime): void;
}

const msPerSecond = 1000;

/** A client's cluster time further ahead than this, in seconds, is ignored; as on a real server. */
const largestLeap = 365 * 24 * 60 * 60;

export function createClusterClock(clock: Clock): ClusterClock {
  const seconds = () => Math.floor(clock.now() / msPerSecond);
  let latest: OpTime = { t: seconds(), i: 1 };
  return {
    current: () => latest,
    next() {
      const t = seconds();
      latest = t > latest.t ? { t, i: 1 } : justAfter(latest);
      return latest;
    },
    follow() {
      const t = seconds();
      if (t > latest.t) latest = { t, i: 1 };
      return latest;
    },
    observe(time) {
      if (compareOpTimes(time, latest) > 0 && time.t <= seconds() + largestLeap) latest = time;
    },
  };
}
