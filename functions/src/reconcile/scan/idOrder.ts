/** A range of project ids: from `from` (inclusive) to `to` (exclusive; null is the end of all strings). */
export interface IdRange {
  readonly from: string;
  readonly to: string | null;
}

/** The order in which Firestore sorts strings: by their UTF-8 bytes, which is by code points. JavaScript's own `<`
 *  compares UTF-16 units and sorts characters beyond U+FFFF before some below it:
 *  https://firebase.google.com/docs/firestore/manage-data/data-types */
export function compareStrings(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let index = 0; index < shorter; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rankOfUnit(left) - rankOfUnit(right);
  }
  return a.length - b.length;
}

/** The smallest string after `text`: everything that sorts after `text` sorts at or after it. */
export function justAfter(text: string): string {
  return `${text}\u0000`;
}

/** The smallest string that sorts after every string that begins with `prefix`; null when there is none. */
export function afterEveryStringWithPrefix(prefix: string): string | null {
  const points = codePoints(prefix);
  while (points.length > 0) {
    const last = points.pop() ?? 0;
    if (last < maxCodePoint) return String.fromCodePoint(...points, skipSurrogates(last + 1));
  }
  return null;
}

/** A string `s` with `a < s <= b` that cuts the strings between them about in the middle, judged by the first character
 *  in which they differ. Two different strings always end on different sides, so that repeated halving ends.
 *  @throws RangeError unless `a < b`. */
export function splitBetween(a: string, b: string): string {
  if (compareStrings(a, b) >= 0) throw new RangeError('expected the first string to sort before the second');
  const left = codePoints(a);
  const right = codePoints(b);
  let common = 0;
  while (left[common] === right[common]) common += 1;
  const low = left[common] ?? -1;
  const high = right[common] ?? 0;
  const middle = skipSurrogates(Math.ceil((low + high) / 2));
  return String.fromCodePoint(...right.slice(0, common), Math.min(middle, high));
}

/** Ids per range in the sample: with 20 the largest range has seldom more than twice its share. */
export const samplesPerRange = 20;

/** Cuts all project ids into at most `count` ranges that hold about equally many projects, judged by a sample.
 *  They cover every text but the empty one, so that ids outside of the sample, which may be orphans, lie in one too. */
export function rangesFromSample(sample: readonly string[], count: number): IdRange[] {
  const sorted = [...new Set(sample)].filter((id) => id !== '').toSorted(compareStrings);
  const bounds: string[] = [];
  for (let index = 1; index < count; index += 1) {
    const bound = sorted[Math.floor((index * sorted.length) / count)];
    if (bound !== undefined && bound !== bounds.at(-1)) bounds.push(bound);
  }
  const starts = [justAfter(''), ...bounds];
  return starts.map((from, index) => ({ from, to: starts[index + 1] ?? null }));
}

/** One range per project, for a run over single projects. */
export function rangesOfProjects(projectIds: readonly string[]): IdRange[] {
  return [...new Set(projectIds)].toSorted(compareStrings).map((id) => ({ from: id, to: justAfter(id) }));
}

const maxCodePoint = 0x10ffff;
const firstSurrogate = 0xd800;
const firstAfterSurrogates = 0xe000;

function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0);
}

function skipSurrogates(point: number): number {
  return point >= firstSurrogate && point < firstAfterSurrogates ? firstAfterSurrogates : point;
}

/** Moves surrogates, which stand for the highest code points, behind the rest of the basic plane. */
function rankOfUnit(unit: number): number {
  if (unit < firstSurrogate) return unit;
  return unit >= firstAfterSurrogates ? unit - 0x800 : unit + 0x2000;
}
