export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The times in which no line has a value, each half a step wider, so that a single missing minute is seen. */
export function unmeasuredSpans(at: ArrayLike<number>, lines: readonly ArrayLike<number | null | undefined>[]): Span[] {
  const moments = Array.from(at);
  const step = moments.length > 1 ? (moments[1] ?? 0) - (moments[0] ?? 0) : 0;
  const spans: { from: number; to: number }[] = [];
  for (const [index, moment] of moments.entries()) {
    if (lines.some((line) => line[index] !== null && line[index] !== undefined)) continue;
    const last = spans.at(-1);
    const from = moment - step / 2;
    if (last && last.to >= from) last.to = moment + step / 2;
    else spans.push({ from, to: moment + step / 2 });
  }
  return spans;
}

/** The values that stand alone between two gaps: no line leads to them, so each is drawn as a point. */
export function loneIndexes(line: ArrayLike<number | null | undefined> | undefined): number[] {
  const values = Array.from(line ?? []);
  const isMeasured = (index: number) => values[index] !== null && values[index] !== undefined;
  return [...values.keys()].filter((index) => isMeasured(index) && !isMeasured(index - 1) && !isMeasured(index + 1));
}
