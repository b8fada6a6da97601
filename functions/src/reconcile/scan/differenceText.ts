import { sameCopyValue } from '../../events/copyValue.ts';
import { copyValueFromFirestore, foreignValue } from '../../records/firestoreValue.ts';
import type { ProjectSnapshot } from '../../source/lookup.ts';
import { canonicalText } from './canonicalText.ts';

/** Longest text of a value, in characters. */
const maxShown = 60;

/** What stands before the first difference, in characters, where both begin alike: long lists mostly do. */
const shownBefore = 20;

/** How a copy differs from the field of its project that it repeats; undefined when it does not. */
export function copyDifference(
  stored: unknown,
  source: string,
  { fields, refused }: Pick<ProjectSnapshot, 'fields' | 'refused'>,
): string | undefined {
  const problem = refused[source];
  if (problem !== undefined) return `MongoDB has a value that no copy can have (${problem})`;
  const value = copyValueFromFirestore(stored);
  const want = fields[source] ?? null;
  return value !== foreignValue && sameCopyValue(value, want) ? undefined : differenceText(stored, want);
}

/** `"old", should be "new"`: what an asset has, and what it should. Of long values, the part in which they differ. */
export function differenceText(has: unknown, should: unknown): string {
  const [text, wanted] = [canonicalText(has), canonicalText(should)];
  const start = Math.max(text.length, wanted.length) <= maxShown ? 0 : Math.max(0, sameFor(text, wanted) - shownBefore);
  return `${has === undefined ? 'missing' : cut(text, start)}, should be ${cut(wanted, has === undefined ? 0 : start)}`;
}

function sameFor(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}

/** Half of a character outside of the basic plane is none. */
function cut(text: string, start: number): string {
  const part = text.slice(start, start + maxShown).toWellFormed();
  return `${start > 0 ? '…' : ''}${part}${start + maxShown < text.length ? '…' : ''}`;
}
