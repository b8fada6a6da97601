import type { ReportView } from '../api/views/integrity.ts';
import { printable } from '../printable.ts';

/** A report as a page of its own: no script, nothing from elsewhere, fit for print. All text from outside is escaped,
 *  and a policy forbids what is not its own style, should an escape ever fail. */
export function reportAsHtml(report: ReportView): string {
  const title = `${capital(report.type)} ${report.id}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${text(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${text(title)}</h1>
<p class="verdict">${text(verdictOf(report))}</p>
${report.brake === null ? '' : brakeSection(report.brake)}${[
  table(
    'Run',
    ['Fact', 'Value'],
    [
      ['Mode', report.mode],
      ['Status', report.status],
      ['Started', moment(report.startedAt)],
      ['Finished', moment(report.finishedAt)],
      ['Initiator', report.initiator],
      ['Reason', report.reason],
      ['Projects in MongoDB', report.projects],
      ...report.details.map(({ name, value }) => [capital(name), value]),
    ],
  ),
  table(
    'Collections',
    ['Collection', 'Assets', 'In step', 'Checksums'],
    report.collections.map(({ name, assets, inStep, checksums }) => [name, assets, share(inStep), checksums]),
  ),
  table('Findings', ['Kind', 'Count'], Object.entries(report.findings)),
  table(
    'Examples',
    ['Kind', 'Project', 'Asset', 'Detail'],
    report.examples.map(({ kind, projectId, path, detail }) => [kind, projectId, path, detail]),
  ),
].join('\n')}
</main>
</body>
</html>
`;
}

/** The report in one sentence. */
export function verdictOf({ findings, collections, finishedAt, brake }: ReportView): string {
  const found = Object.values(findings).reduce((sum, count) => sum + count, 0);
  const seen = collections.length > 0 && collections.every(({ inStep }) => inStep !== null);
  if (!seen) return finishedAt === null ? 'Not finished: it says nothing yet.' : 'It could not look at everything.';
  if (found > 0) return `Not in step: ${found.toLocaleString('en-US')} ${found === 1 ? 'finding' : 'findings'}.`;
  return brake === null ? 'In step: nothing differs.' : 'Nothing differs, and a brake stopped it.';
}

function brakeSection({ kind, saw, goOn }: NonNullable<ReportView['brake']>): string {
  return `<section class="brake"><h2>Brake: ${text(kind)}</h2><p>${text(saw)}.</p><p>To go on: ${text(goOn)}.</p></section>\n`;
}

type Cell = string | number | null;

function table(title: string, header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return `<section><h2>${text(title)}</h2><p>None.</p></section>`;
  const head = header.map((name) => `<th scope="col">${text(name)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n');
  return `<section><h2>${text(title)}</h2>
<table><thead><tr>${head}</tr></thead>
<tbody>
${body}
</tbody></table></section>`;
}

function cell(value: Cell): string {
  if (typeof value === 'number') return `<td class="number">${value.toLocaleString('en-US')}</td>`;
  return `<td>${value === null || value === '' ? '–' : text(value)}</td>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function text(value: string): string {
  return printable(value).replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

function moment(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** Rounded down: what is not all in step never shows as 100 %. */
function share(inStep: number | null): string {
  const perMille = 1_000;
  return inStep === null ? 'not looked at' : `${Math.floor(inStep * perMille) / (perMille / 100)} %`;
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

const style = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0; padding: 1.5rem; }
main { max-width: 60rem; margin: auto; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
.verdict { font-size: 1.1rem; font-weight: 600; }
.brake { border-left: 4px solid #b3261e; padding: .1rem 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8888; overflow-wrap: anywhere; }
td.number { font-variant-numeric: tabular-nums; }
@media print { body { padding: 0; } section { break-inside: avoid; } }
`;
