import { writeFile } from 'node:fs/promises';
import type { ReportView } from '../api/views/integrity.ts';
import { type ReportFormat, reportAs, reportFormats } from '../reports/formats.ts';

/** Where a command writes its report, by format. */
export type ReportFiles = Partial<Readonly<Record<ReportFormat, string>>>;

/** Writes the report to each file.
 *  @throws Error that names the file that could not be written. */
export async function writeReportFiles(report: ReportView, files: ReportFiles): Promise<void> {
  for (const format of reportFormats) {
    const path = files[format];
    if (path === undefined) continue;
    try {
      await writeFile(path, reportAs(format, report).body);
    } catch (error) {
      throw new Error(`the report could not be written to ${path}; it is kept as ${report.id}`, { cause: error });
    }
  }
}
