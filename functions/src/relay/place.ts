import { secondMs } from '../clock.ts';
import { timeOfToken } from './changeStream/open.ts';
import type { RelayRecord } from './relayRecord.ts';

/** When what the place is at was committed, in ms since 1970; null before the first start. */
export function placeTime({ checkpoint: { token, startAt, last } }: Pick<RelayRecord, 'checkpoint'>): number | null {
  const time = startAt ?? last?.time;
  return timeOfToken(token) ?? (time === undefined ? null : time.seconds * secondMs);
}
