import type { MeasuresView } from '../../../src/api/views/now.ts';
import { duration, money } from '../format.ts';
import { Plot } from '../parts/plot.tsx';

/** What the product promises from MongoDB's commit to the assets, in ms, where no target is configured. */
const promisedMs = 120_000;

const minuteMs = 60_000;
const dayMs = 86_400_000;

interface MeasuresProps {
  readonly measures: MeasuresView;
  readonly shownTarget?: number | undefined;
  readonly lagTarget?: number | undefined;
}

/** The plots of one range. */
export function Measures({ measures, shownTarget, lagTarget }: MeasuresProps) {
  const { at, stepMs } = measures;
  const per = (values: readonly (number | null)[], unitMs: number) =>
    values.map((value) => (value === null ? null : (value * unitMs) / stepMs));
  const number = (value: number) => (value < 10 ? String(Math.round(value * 100) / 100) : String(Math.round(value)));
  return (
    <div class="plots">
      <Plot
        title="From commit to shown"
        at={at}
        lines={[
          { name: 'p50', values: measures.shownP50, colour: 1 },
          { name: 'p95', values: measures.shownP95, colour: 2 },
        ]}
        format={duration}
        target={shownTarget ?? promisedMs}
        isLogarithmic
      />
      <Plot
        title="Relay lag"
        at={at}
        lines={[{ name: 'lag', values: measures.relayLag, colour: 1 }]}
        format={duration}
        isLogarithmic
        {...(lagTarget !== undefined && { target: lagTarget })}
      />
      <Plot
        title="Per minute"
        at={at}
        lines={[
          { name: 'events', values: per(measures.events, minuteMs), colour: 1 },
          { name: 'assets', values: per(measures.assets, minuteMs), colour: 2 },
        ]}
        format={number}
      />
      <Plot
        title="Waiting events"
        at={at}
        lines={[{ name: 'backlog', values: measures.backlog, colour: 1 }]}
        format={number}
      />
      <Plot
        title="Findings of reconciliations"
        at={at}
        lines={[{ name: 'findings', values: measures.findings, colour: 3, bars: true }]}
        format={number}
      />
      <Plot
        title="Cost per day, list price"
        at={at}
        lines={[{ name: 'cost', values: per(measures.cost, dayMs), colour: 1, bars: true }]}
        format={money}
        least={0.01}
      />
    </div>
  );
}
