import type { ReportView } from '../api/views/integrity.ts';
import { reportAsCsv } from './csv.ts';
import { reportAsHtml } from './html.ts';

export const reportFormats = ['json', 'csv', 'html'] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** A report as a file. */
export interface ReportFile {
  /** With its character set. */
  readonly contentType: string;
  readonly name: string;
  readonly body: string;
}

/** A report in a format that others read: programs, spreadsheets, people. */
export function reportAs(format: ReportFormat, report: ReportView): ReportFile {
  const name = `${report.id}.${format}`;
  switch (format) {
    case 'json':
      return { name, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(report, null, 2)}\n` };
    case 'csv':
      return { name, contentType: 'text/csv; charset=utf-8; header=present', body: reportAsCsv(report) };
    case 'html':
      return { name, contentType: 'text/html; charset=utf-8', body: reportAsHtml(report) };
  }
}
