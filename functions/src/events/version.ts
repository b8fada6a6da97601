import { secondMs } from '../clock.ts';

/** A total order over the changes of a project: 20 hex digits that compare as a string.
 *  8 digits of cluster time seconds, 8 of its increment, 4 of an ordinal that separates the changes of one transaction
 *  (every change of a MongoDB transaction carries the same cluster time:
 *  https://www.mongodb.com/docs/manual/reference/change-events/). */
export type Version = string;

/** The largest ordinal that fits into four hex digits. */
export const maxOrdinal = 0xffff;

const maxUint32 = 0xffff_ffff;

/** A cluster time as MongoDB counts it: seconds since 1970, and an increment within the second. */
export interface ClusterTime {
  readonly seconds: number;
  readonly increment: number;
}

/** Builds the version of the `ordinal`-th change at a cluster time.
 *  @throws RangeError when a part does not fit its width. */
export function versionOf(time: ClusterTime, ordinal: number): Version {
  return hex(time.seconds, maxUint32, 8) + hex(time.increment, maxUint32, 8) + hex(ordinal, maxOrdinal, 4);
}

/** The cluster time and ordinal inside a version.
 *  @throws RangeError when it is not a version. */
export function partsOf(version: Version): ClusterTime & { readonly ordinal: number } {
  if (!isVersion(version)) throw new RangeError(`not a version (20 hex digits in lower case): "${version}"`);
  return {
    seconds: Number.parseInt(version.slice(0, 8), 16),
    increment: Number.parseInt(version.slice(8, 16), 16),
    ordinal: Number.parseInt(version.slice(16), 16),
  };
}

/** When the change of a version was committed, in ms since 1970; cluster times have whole seconds. */
export function timeOf(version: Version): number {
  return partsOf(version).seconds * secondMs;
}

/** How much the clocks of MongoDB and Firestore may differ, in ms: the time of a version and that of a document are
 *  compared with this margin. */
export const clockMarginMs = 5_000;

/** Whether a text has the form of a version. */
export function isVersion(text: string): text is Version {
  return /^[0-9a-f]{20}$/.test(text);
}

/** Whether `a` is newer than `b`; anything is newer than nothing. */
export function isNewer(a: Version, b: Version | null | undefined): boolean {
  return b === null || b === undefined || a > b;
}

/** The newer one of two versions, either of which may be missing. */
export function newest(a: Version | null, b: Version | null): Version | null {
  if (a === null) return b;
  return isNewer(a, b) ? a : b;
}

function hex(value: number, max: number, width: number): string {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`a version part must be a whole number from 0 to ${max}, not ${value}`);
  }
  return value.toString(16).padStart(width, '0');
}
