import type { ReportView } from '../api/views/integrity.ts';
import { printable } from '../printable.ts';
import { verdictOf } from './html.ts';

/** A report as lines for a terminal; each line is printable. */
export function reportAsText(report: ReportView): string[] {
  const { id, projects, collections, findings, examples, details, brake } = report;
  const rows = collections.map(({ name, assets, inStep, checksums }) => [
    name,
    assets === null ? '-' : number(assets),
    inStep === null ? '-' : `${(Math.floor(inStep * 1_000) / 10).toFixed(1)} %`,
    checksums,
  ]);
  const lines = [
    `${id}: ${verdictOf(report)}`,
    ...(brake === null ? [] : [`BRAKE ${brake.kind}: ${brake.saw}. To go on: ${brake.goOn}.`]),
    '',
    ...columns([['collection', 'assets', 'in step', 'checksums'], ...rows]),
    '',
    ...Object.entries(findings).flatMap(([kind, found]) => [
      `${number(found)} ${kind}`,
      ...examples
        .filter((example) => example.kind === kind)
        .map(
          ({ projectId, path, detail }) => `    ${[projectId, path, detail].filter((part) => part !== '').join('  ')}`,
        ),
    ]),
    `projects in MongoDB: ${number(projects)}`,
    ...details.map(({ name, value }) => `${name}: ${typeof value === 'number' ? number(value) : value}`),
  ];
  return lines.map(printable);
}

/** The first column to the left, the others to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(width(at)) : cell.padStart(width(at)))).join('  '),
  );
}

const number = (value: number) => value.toLocaleString('en-US');
