import type { ReportView } from '../api/views/integrity.ts';
import { printable } from '../printable.ts';

type Cell = string | number | null;

/** A report as CSV (RFC 4180), one fact a row: `section,subject,fact,value`. A report has several tables, and a
 *  spreadsheet takes one. */
export function reportAsCsv(report: ReportView): string {
  const rows: Cell[][] = [
    ['section', 'subject', 'fact', 'value'],
    ...aboutRun(report),
    ...report.collections.flatMap(({ name, assets, inStep, checksums }) => [
      ['collection', name, 'assets', assets],
      ['collection', name, 'in step', inStep],
      ['collection', name, 'checksums', checksums],
    ]),
    ...Object.entries(report.findings).map(([kind, found]) => ['finding', kind, 'count', found]),
    ...report.examples.flatMap(({ kind, projectId, path, detail }, index) => [
      ['example', index + 1, 'kind', kind],
      ['example', index + 1, 'project', projectId],
      ['example', index + 1, 'asset', path],
      ['example', index + 1, 'detail', detail],
    ]),
    ...report.details.map(({ name, value }) => ['detail', name, 'value', value]),
  ];
  return rows.map((row) => `${row.map(cellText).join(',')}\r\n`).join('');
}

function aboutRun({ id, type, mode, status, startedAt, finishedAt, ...report }: ReportView): Cell[][] {
  const { initiator, reason, projects, brake } = report;
  return [
    ['run', id, 'type', type],
    ['run', id, 'mode', mode],
    ['run', id, 'status', status],
    ['run', id, 'started', new Date(startedAt).toISOString()],
    ['run', id, 'finished', finishedAt === null ? null : new Date(finishedAt).toISOString()],
    ['run', id, 'initiator', initiator],
    ['run', id, 'reason', reason],
    ['run', id, 'projects', projects],
    ...(brake === null
      ? []
      : [
          ['brake', brake.kind, 'saw', brake.saw],
          ['brake', brake.kind, 'go on', brake.goOn],
        ]),
  ];
}

/** What begins like this is a formula to spreadsheets, also text that a client has chosen as the name of a project
 *  (https://owasp.org/www-community/attacks/CSV_Injection). */
const formula = /^[=+\-@\t\r]/;

function cellText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = printable(cell);
  const harmless = formula.test(text) ? `'${text}` : text;
  return /[",\n]/.test(harmless) || harmless !== harmless.trim() ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
