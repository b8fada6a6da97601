import type { Firestore } from 'firebase-admin/firestore';
import { type Measure, mergeAll, remeasured } from './measure.ts';
import { measureRef, minuteData, type Parts, parseMinute, parseParts, partsData, startOf } from './measureRecord.ts';

/** Keeps what was measured in the minute that begins at `start`, in the documents of the minute, its hour and its day.
 *  Doing it again is the same as once: a minute is one part of its hour, whoever measured it. Returns the hour.
 *  Costs 3 reads and 3 writes.
 *  @throws MeasureRecordError; what Firestore answers. */
export function storeMinute(firestore: Firestore, start: number, measure: Measure): Promise<Parts> {
  const [hourStart, dayStart] = [startOf('hour', start), startOf('day', start)];
  const minuteRef = measureRef(firestore, 'minute', start);
  const hourRef = measureRef(firestore, 'hour', start);
  const dayRef = measureRef(firestore, 'day', start);
  return firestore.runTransaction(async (transaction) => {
    const [minute, hour, day] = await transaction.getAll(minuteRef, hourRef, dayRef);
    const known = parseMinute(minuteRef.path, minute?.data());
    const now = known === null ? measure : remeasured(known, measure);
    const minutes = new Map(parseParts('hour', hourStart, hourRef.path, hour?.data())).set(start, now);
    const wholeHour = mergeAll([...minutes.values()]) ?? now;
    const hours = new Map(parseParts('day', dayStart, dayRef.path, day?.data())).set(hourStart, wholeHour);
    transaction.set(minuteRef, minuteData(start, now));
    transaction.set(hourRef, partsData('hour', hourStart, minutes));
    transaction.set(dayRef, partsData('day', dayStart, hours));
    return minutes;
  });
}
