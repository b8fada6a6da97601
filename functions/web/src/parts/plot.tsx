import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { loneIndexes, unmeasuredSpans } from './gaps.ts';

export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** The how-manieth colour of the plots. */
  readonly colour: 1 | 2 | 3;
  readonly bars?: boolean;
}

interface PlotProps {
  readonly title: string;
  /** Moments in ms, oldest first. */
  readonly at: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  /** Where the scale ends at least, so that noise does not fill the plot. */
  readonly least?: number;
  /** A line to stay below. */
  readonly target?: number;
  /** Lengths of time from milliseconds to hours: shown in powers of ten, so that the target leaves room for them. */
  readonly isLogarithmic?: boolean;
}

const plotHeight = 150;

/** Least value of a logarithmic plot, in ms: what is less looks the same to a person. */
const leastLogarithmic = 10;

/** From this length on days are told apart rather than minutes, in s. */
const longSpan = 172_800;

/** A plot over time. Times in which nobody measured are shaded, not drawn as zero. */
export function Plot({ title, at, lines, format, target, isLogarithmic = false, least = 1 }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const drawing = useRef<uPlot>(null);
  const [colours, setColours] = useState(0);
  const names = lines.map(({ name }) => name).join();
  const latestFormat = useRef(format);
  latestFormat.current = format;

  // A new theme or other lines need a new drawing; new values do not
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const shape = { lines, format: (value: number) => latestFormat.current(value), target, isLogarithmic, least };
    const plot = new uPlot(optionsOf(element, shape), [[]], element);
    drawing.current = plot;
    const resized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: plotHeight }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [names, target, isLogarithmic, least, colours]);

  // A new drawing has to be given its values too
  useEffect(() => {
    const shown = (value: number | null) =>
      value !== null && isLogarithmic ? Math.max(value, leastLogarithmic) : value;
    drawing.current?.setData([at.map((ms) => ms / 1_000), ...lines.map(({ values }) => values.map(shown))]);
  }, [at, lines, colours, names, target, isLogarithmic, least]);

  useEffect(() => {
    const onTheme = () => setColours((count) => count + 1);
    const system = matchMedia('(prefers-color-scheme: dark)');
    system.addEventListener('change', onTheme);
    addEventListener('themechange', onTheme);
    return () => {
      system.removeEventListener('change', onTheme);
      removeEventListener('themechange', onTheme);
    };
  }, []);

  return (
    <figure class="plot">
      <figcaption>
        <span>{title}</span>
        <span class="legend">
          {lines.map(({ name, colour, values }) => (
            <span key={name}>
              <i class={`swatch plot${colour}`} aria-hidden="true" /> {name}{' '}
              <span class="number">{lastOf(values, format)}</span>
            </span>
          ))}
          {target !== undefined && (
            <span>
              <i class="swatch target" aria-hidden="true" /> target <span class="number">{format(target)}</span>
            </span>
          )}
        </span>
      </figcaption>
      <div ref={place} class="canvas" role="img" aria-label={spoken(title, lines, format, target)} />
    </figure>
  );
}

function lastOf(values: readonly (number | null)[], format: (value: number) => string): string {
  // The newest minute is often not over.
  const last = values.findLast((value) => value !== null);
  return last === null || last === undefined ? 'not measured' : format(last);
}

/** What the drawing shows, for who cannot see it. */
function spoken(title: string, lines: readonly Line[], format: (value: number) => string, target?: number): string {
  const parts = lines.map(({ name, values }) => {
    const measured = values.filter((value) => value !== null);
    if (measured.length === 0) return `${name}: nothing was measured`;
    const gaps = values.length - measured.length;
    const missing = gaps > 0 ? `, ${gaps} of ${values.length} not measured` : '';
    return `${name}: at most ${format(Math.max(...measured))}, last ${lastOf(values, format)}${missing}`;
  });
  return `${title}. ${parts.join('; ')}${target === undefined ? '' : `; target ${format(target)}`}`;
}

/** A colour of the style sheet as the canvas needs it. */
function colourOf(element: HTMLElement, name: string): string {
  element.style.color = `var(--${name})`;
  const colour = getComputedStyle(element).color;
  element.style.color = '';
  return colour;
}

interface Shape {
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly target: number | undefined;
  readonly isLogarithmic: boolean;
  readonly least: number;
}

const minuteLabel = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });
const dayLabel = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

function timeLabels(seconds: readonly number[]): string[] {
  const label = (seconds.at(-1) ?? 0) - (seconds[0] ?? 0) >= longSpan ? dayLabel : minuteLabel;
  return seconds.map((moment) => label.format(moment * 1_000));
}

/** 10 ms, 100 ms, 1 s, 10 s, 1 min … as far as the plot reaches. */
function logarithmicTicks(max: number): number[] {
  return [10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000].filter((tick) => tick <= max);
}

function optionsOf(element: HTMLElement, { lines, format, target, isLogarithmic, least }: Shape): uPlot.Options {
  const [text, grid, gap, goal] = ['muted', 'line', 'gap', 'bad'].map((name) => colourOf(element, name));
  const bars = uPlot.paths.bars?.({ size: [0.7, 12] });
  const axis = {
    stroke: text ?? '',
    grid: { stroke: grid ?? '', width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
  };
  return {
    width: Math.max(element.clientWidth, 100),
    height: plotHeight,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      y: isLogarithmic
        ? { distr: 3, range: (_plot, _min, max) => [leastLogarithmic, Math.max(max ?? 0, target ?? 0, 1_000) * 2] }
        : { range: (_plot, _min, max) => [0, Math.max(max ?? 0, (target ?? 0) * 1.1, least) * 1.05] },
    },
    axes: [
      { ...axis, size: 26, space: 60, values: (_plot, ticks) => timeLabels(ticks) },
      {
        ...axis,
        size: 56,
        ...(isLogarithmic && {
          splits: (_plot: uPlot, _axis: number, _min: number, max: number) => logarithmicTicks(max),
        }),
        values: (_plot, ticks) => ticks.map((tick) => (tick === null ? '' : format(tick))),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, colour, bars: asBars }) => {
        const stroke = colourOf(element, `plot${colour}`);
        return {
          label: name,
          stroke,
          width: 1.5,
          spanGaps: false,
          ...(asBars && bars && { paths: bars, fill: stroke }),
          points: {
            show: true,
            size: 4,
            fill: stroke,
            filter: (plot: uPlot, series: number) => loneIndexes(plot.data[series]),
          },
        };
      }),
    ],
    hooks: {
      drawClear: [(plot) => shadeGaps(plot, gap ?? '')],
      draw: [(plot) => drawTarget(plot, target, goal ?? '')],
      setCursor: [(plot) => showValues(plot, lines, format)],
    },
  };
}

/** Whatever was measured at a moment stands in the row of the canvas's title. */
function showValues(plot: uPlot, lines: readonly Line[], format: (value: number) => string): void {
  const { idx } = plot.cursor;
  const at = idx === null || idx === undefined ? undefined : plot.data[0]?.[idx];
  const values = lines.map(({ name }, index) => {
    const value = idx === null || idx === undefined ? undefined : plot.data[index + 1]?.[idx];
    return `${name} ${value === null || value === undefined ? 'not measured' : format(value)}`;
  });
  plot.root.title = at === undefined ? '' : `${new Date(at * 1_000).toLocaleString()}: ${values.join(', ')}`;
}

function shadeGaps(plot: uPlot, colour: string): void {
  const [at = [], ...lines] = plot.data;
  const { left, top, width, height } = plot.bbox;
  plot.ctx.save();
  plot.ctx.fillStyle = colour;
  for (const { from, to } of unmeasuredSpans(at, lines)) {
    const start = Math.max(left, plot.valToPos(from, 'x', true));
    const end = Math.min(left + width, plot.valToPos(to, 'x', true));
    plot.ctx.fillRect(start, top, Math.max(1, end - start), height);
  }
  plot.ctx.restore();
}

function drawTarget(plot: uPlot, target: number | undefined, colour: string): void {
  if (target === undefined) return;
  const { left, width } = plot.bbox;
  const y = plot.valToPos(target, 'y', true);
  plot.ctx.save();
  plot.ctx.strokeStyle = colour;
  plot.ctx.setLineDash([6, 4]);
  plot.ctx.beginPath();
  plot.ctx.moveTo(left, y);
  plot.ctx.lineTo(left + width, y);
  plot.ctx.stroke();
  plot.ctx.restore();
}
