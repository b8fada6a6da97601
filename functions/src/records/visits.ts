import type { Visit } from './projectRecord.ts';

/** The visit that follows one that is over, or the deletion itself (number 0). Those whose time has passed meanwhile
 *  are left out: one visit finds what they would have found. Null when there are no more.
 *  @param doneAt   when the deletion was applied, in ms since 1970
 *  @param afterMs  how long after that each visit is due, in ms */
export function visitAfter(
  { number, doneAt }: { readonly number: number; readonly doneAt: number },
  afterMs: readonly number[],
  now: number,
): Visit | null {
  const due = afterMs.map((ms, index): Visit => ({ number: index + 1, at: doneAt + ms }));
  return due.find((visit) => visit.number > number && visit.at > now) ?? null;
}

/** When the deletion was applied that a visit follows, in ms since 1970. */
export function doneBefore({ number, at }: Visit, afterMs: readonly number[]): number {
  return at - (afterMs[number - 1] ?? 0);
}
