import { secondMs } from '../clock.ts';
import type { ClusterTime } from '../events/version.ts';
import { timeOfToken } from './changeStream/open.ts';
import type { RelayRecord } from './relayRecord.ts';

/** When what the place is at was committed, in ms since 1970; null before the first start. */
export function placeTime({ checkpoint: { token, startAt, last } }: Pick<RelayRecord, 'checkpoint'>): number | null {
  const time = startAt ?? last?.time;
  return timeOfToken(token) ?? (time === undefined ? null : time.seconds * secondMs);
}

/** The first moment of a second by MongoDB's clock, whose increments begin at one. */
export function clusterTimeAt(ms: number): ClusterTime {
  return { seconds: Math.floor(ms / secondMs), increment: 1 };
}
