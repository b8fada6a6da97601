import type { BenchResult, BenchTable } from './benchmark.ts';

/** A result for a terminal: its tables, the conditions, and then one line for each ratio (`ratio delete ours/bulkwriter
 *  1.23`). */
export function renderResult(result: BenchResult): string {
  return [
    ...result.tables.flatMap((table) => [renderTable(table), '']),
    ...result.notes,
    '',
    ...result.ratios.map(({ name, value }) => `ratio ${name} ${value.toFixed(2)}`),
  ].join('\n');
}

/** Text stands on the left of its column, numbers on the right. */
function renderTable({ title, headings, rows }: BenchTable): string {
  const lines = [headings, ...rows.map((row) => row.map(format))];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const isNumeric = headings.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const render = (line: readonly string[]) =>
    line
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [title, '', render(headings), rule, ...lines.slice(1).map(render)].join('\n');
}

function format(cell: string | number): string {
  if (typeof cell === 'string') return cell;
  return Number.isInteger(cell) ? cell.toLocaleString('en-US') : cell.toFixed(2);
}
