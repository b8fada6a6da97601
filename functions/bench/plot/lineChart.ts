/** A plot of lines, as SVG. */
export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly lines: readonly ChartLine[];
}

export interface ChartLine {
  readonly name: string;
  /** From left to right. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

const size = { width: 720, height: 360 } as const;
const margin = { top: 44, right: 190, bottom: 48, left: 72 } as const;
const plotWidth = size.width - margin.left - margin.right;
const plotHeight = size.height - margin.top - margin.bottom;

/** Okabe and Ito's colours, which people with colour blindness can tell apart (https://jfly.uni-koeln.de/color/). */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;

/** About so many marks on an axis. */
const marks = 5;

/** Draws lines from zero on, with a legend on the right. Text and shapes only: small, and readable as a difference of
 *  versions. Pure. */
export function lineChart({ title, xLabel, yLabel, lines }: LineChart): string {
  const points = lines.flatMap((line) => line.points);
  const [xStart, xEnd] = [Math.min(...points.map(([x]) => x)), Math.max(...points.map(([x]) => x))];
  const yMarks = ticks(0, Math.max(...points.map(([, y]) => y), Number.MIN_VALUE));
  const yEnd = yMarks.at(-1) ?? 1;
  const x = (value: number) => margin.left + ((value - xStart) / (xEnd - xStart || 1)) * plotWidth;
  const y = (value: number) => margin.top + plotHeight - (value / yEnd) * plotHeight;
  const bottom = margin.top + plotHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${size.width}" height="${size.height}" fill="#fff"/>`,
    text(margin.left, 24, title, 'font-size="15" font-weight="bold"'),
    ...yMarks.flatMap((value) => [
      `<path d="M${margin.left} ${short(y(value))}h${plotWidth}" stroke="#ddd"/>`,
      text(margin.left - 8, y(value) + 4, label(value), 'text-anchor="end"'),
    ]),
    ...ticks(xStart, xEnd)
      .filter((value) => value >= xStart && value <= xEnd)
      .map((value) => text(x(value), bottom + 18, label(value), 'text-anchor="middle"')),
    text(margin.left + plotWidth / 2, size.height - 10, xLabel, 'text-anchor="middle"'),
    `<text transform="translate(16 ${margin.top + plotHeight / 2}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`,
    ...lines.flatMap((line, index) => {
      const colour = colours[index % colours.length] ?? '#000';
      const path = line.points.map(([px, py], at) => `${at === 0 ? 'M' : 'L'}${short(x(px))} ${short(y(py))}`).join('');
      const legendY = margin.top + 10 + index * 20;
      const legendX = margin.left + plotWidth + 14;
      return [
        `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        `<path d="M${legendX} ${legendY - 4}h18" stroke="${colour}" stroke-width="3"/>`,
        text(legendX + 24, legendY, line.name, ''),
      ];
    }),
    '</svg>',
    '',
  ].join('\n');
}

/** Round values from at or below the start to at or above the end. */
function ticks(start: number, end: number): readonly number[] {
  const span = end - start || Math.abs(end) || 1;
  const power = 10 ** Math.floor(Math.log10(span / marks));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => span / one <= marks) ?? power * 10;
  const first = Math.floor(start / step);
  const last = Math.ceil(end / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

function label(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 6 });
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${short(x)}" y="${short(y)}" ${attributes}>${escaped(content)}</text>`;
}

const short = (value: number) => Number(value.toFixed(1));

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(content: string): string {
  return content.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}
