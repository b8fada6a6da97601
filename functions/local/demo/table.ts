/** One line of the demo's table. */
export interface Row {
  readonly what: string;
  readonly expected: string;
  readonly mongodb: string;
  readonly firestore: string;
  /** From the acknowledgement in MongoDB to the last change in Firestore, in ms; undefined where nothing is waited
   *  for. */
  readonly latencyMs?: number | undefined;
  /** Billed operations of Firestore, without those of the demo's own looking; undefined where they are not metered. */
  readonly billed?: string | undefined;
  readonly passed: boolean;
}

const headings = ['', 'what', 'expected', 'MongoDB', 'Firestore', 'ms', 'reads/writes/deletes'];

/** Renders rows as a table for a terminal. */
export function renderTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.passed ? 'ok' : 'FAIL',
    row.what,
    row.expected,
    row.mongodb,
    row.firestore,
    row.latencyMs === undefined ? '' : String(Math.round(row.latencyMs)),
    row.billed ?? '',
  ]);
  const widths = headings.map((heading, column) =>
    Math.max(...[headings, ...cells].map((line) => width(line[column] ?? heading))),
  );
  const render = (line: readonly string[]) =>
    line
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((columns) => '-'.repeat(columns)).join('  ');
  return [render(headings), rule, ...cells.map(render)].join('\n');
}

/** Columns that a text takes in a terminal: wide characters (East Asian, emoji) take two. */
function width(text: string): number {
  const segments = new Intl.Segmenter().segment(text);
  return [...segments].reduce(
    (sum, { segment }) => sum + (/\p{Emoji_Presentation}|\p{sc=Han}|\p{sc=Hiragana}/u.test(segment) ? 2 : 1),
    0,
  );
}
