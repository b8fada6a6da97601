import { z } from 'zod';
import { isVersion, type Version, versionOf } from '../events/version.ts';

/** A time of MongoDB's clock: the driver's `Timestamp` (a session's `operationTime`), its parts, a version, or as text
 *  `SECONDS:INCREMENT`. */
export type AtLeast =
  | Version
  | { readonly seconds: number; readonly increment: number }
  | { getHighBitsUnsigned(): number; getLowBitsUnsigned(): number };

/** The first version at a time.
 *  @throws RangeError when it is none. */
export function firstVersionAt(time: AtLeast): Version {
  if (typeof time === 'string') {
    const [, seconds, increment] = /^(\d{1,10}):(\d{1,10})$/.exec(time) ?? [];
    if (seconds !== undefined) return versionOf({ seconds: Number(seconds), increment: Number(increment) }, 0);
    if (isVersion(time)) return versionAt(time);
    throw new RangeError(`not a time of MongoDB (SECONDS:INCREMENT, or a version of 20 hex digits): "${time}"`);
  }
  if ('seconds' in time) return versionOf(time, 0);
  return versionOf({ seconds: time.getHighBitsUnsigned(), increment: time.getLowBitsUnsigned() }, 0);
}

/** The same as text, for a query. */
export const clusterTimeText = z.string().transform((text, context): Version => {
  try {
    return firstVersionAt(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});

/** Digits of a version that say when; the others tell the changes of one transaction apart. */
const timeDigits = 16;

/** Whether two versions are of changes that were committed together. */
export function isSameTime(a: Version, b: Version): boolean {
  return a.slice(0, timeDigits) === b.slice(0, timeDigits);
}

const versionAt = (version: Version): Version => `${version.slice(0, timeDigits)}0000`;
