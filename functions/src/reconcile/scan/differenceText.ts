import { canonicalText } from './canonicalText.ts';

/** Longest text of a value, in characters. */
const maxShown = 60;

/** What stands before the first difference, in characters, where both begin alike: long lists mostly do. */
const shownBefore = 20;

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
