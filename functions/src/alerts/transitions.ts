import { dayMs } from '../clock.ts';
import type { EndedMessage, RaisedMessage } from './alertMessage.ts';
import type { AlertRecord } from './alertRecord.ts';

/** How long a closed alert is kept, in ms. */
const closedRetentionMs = 30 * dayMs;

/** Messages that are known by their ids: about 60 bytes each of a record that is written with every message. What is
 *  older than all of them was counted. */
const maxCounted = 200;

/** Who closes what ended by itself. */
export const closedBySystem = 'lockstep';

/** The alert with one more occurrence: opened where there was none, or it was closed and this came after its end.
 *  @param hint what to do about it. */
export function raised(known: AlertRecord | undefined, occurrence: RaisedMessage, hint: string): AlertRecord {
  if (known !== undefined && wasCounted(known, occurrence)) return known;
  const { id, message, fields, count, at } = occurrence;
  // Its end has overtaken it; a person who closes an alert has said nothing about what is on its way.
  if (known?.state === 'closed' && at <= (known.endedAt ?? Number.NEGATIVE_INFINITY)) return known;
  const counted = [...(known?.counted ?? []), { id, at }].toSorted((a, b) => a.at - b.at).slice(-maxCounted);
  if (known !== undefined && known.state !== 'closed') {
    const isNewest = at >= known.lastAt;
    return {
      ...known,
      ...(isNewest && { message, fields, hint }),
      count: known.count + count,
      firstAt: Math.min(known.firstAt, at),
      lastAt: Math.max(known.lastAt, at),
      counted,
    };
  }
  return { ...opened(occurrence, hint), opening: (known?.opening ?? 0) + 1, endedAt: known?.endedAt ?? null, counted };
}

function opened({ key, alarm, message, fields, count, at }: Omit<RaisedMessage, 'id'>, hint: string): AlertRecord {
  return {
    key,
    alarm,
    state: 'open',
    message,
    hint,
    fields,
    count,
    firstAt: at,
    lastAt: at,
    opening: 0,
    acknowledgedBy: null,
    acknowledgedAt: null,
    closedBy: null,
    closedAt: null,
    endedAt: null,
    escalatedAt: null,
    counted: [],
    sent: [],
    // Whoever sends about the opening before finds that it is another one now.
    sending: null,
    lookAt: null,
    expireAt: null,
  };
}

/** While a target is down, every message of its alert is redelivered for a day, and no list would hold their ids. One
 *  that comes for the first time behind as many newer ones says nothing new either. */
function wasCounted({ counted }: AlertRecord, { id, at }: RaisedMessage): boolean {
  const [oldest] = counted;
  const isBehind = counted.length >= maxCounted && oldest !== undefined && at <= oldest.at;
  return isBehind || counted.some((one) => one.id === id);
}

/** The alert after its cause has ended; what was raised after that stays open. An end is kept also where nothing is
 *  open: it may have overtaken its alarm, and comes only once. */
export function ended(known: AlertRecord | undefined, { key, at }: EndedMessage): AlertRecord {
  const record = known ?? opened(neverRaised(key, at), '');
  if (record.lastAt > at) return record;
  return { ...closed(record, closedBySystem, at), endedAt: Math.max(record.endedAt ?? at, at) };
}

function neverRaised(key: string, at: number): Omit<RaisedMessage, 'id'> {
  const [alarm = key] = key.split(':');
  return { kind: 'raised', key, alarm, message: 'has ended before its alarm came', fields: {}, count: 0, at };
}

/** The alert as a person has taken it on; unchanged where somebody has already, or it is closed. */
export function acknowledged(known: AlertRecord, by: string, at: number): AlertRecord {
  if (known.state !== 'open') return known;
  return { ...known, state: 'acknowledged', acknowledgedBy: by, acknowledgedAt: at, lookAt: at };
}

/** The alert as somebody has closed it; unchanged where it is closed already. */
export function closed(known: AlertRecord, by: string, at: number): AlertRecord {
  if (known.state === 'closed') return known;
  return { ...known, state: 'closed', closedBy: by, closedAt: at, lookAt: at, expireAt: at + closedRetentionMs };
}
