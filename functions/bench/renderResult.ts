import type { BenchResult, BenchTable, Figure } from './benchmark.ts';
import { median } from './statistics.ts';

/** A result for a terminal: its tables, the conditions, and then one line for each figure (`ratio delete
 *  ours/bulkwriter 1.23 (1.20..1.31, 7 runs)`). */
export function renderResult(result: BenchResult): string {
  return [
    ...result.tables.flatMap((table) => [renderTable(table), '']),
    ...result.notes,
    '',
    ...result.figures.map(renderFigure),
  ].join('\n');
}

function renderFigure({ name, unit, samples }: Figure): string {
  const spread =
    samples.length > 1
      ? ` (${number(Math.min(...samples))}..${number(Math.max(...samples))}, ${samples.length} runs)`
      : '';
  return unit === 'ratio'
    ? `ratio ${name} ${number(median(samples))}${spread}`
    : `figure ${name} ${number(median(samples))} ${unit}${spread}`;
}

/** Text stands on the left of its column, numbers on the right. */
export function renderTable({ title, headings, rows }: BenchTable): string {
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

/** A large number needs no decimals. */
function number(value: number): string {
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2);
}
