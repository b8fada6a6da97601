import { minuteMs } from '../../clock.ts';
import type { Measure } from '../../measures/measure.ts';
import { readLastMinutes, readSeries } from '../../measures/series.ts';
import type { MeasuresView, ranges } from '../views/now.ts';
import type { ReaderDependencies, Views } from './views.ts';

type Range = (typeof ranges)[number];

export interface MeasuresReader extends Pick<Views, 'measures'> {
  /** The minutes of the last hour, as they were measured when the current minute began. */
  lastMinutes(): Promise<readonly (Measure | null)[]>;
}

/** Measures are written once a minute: within a minute an instance reads each range once, and then only the columns
 *  that may have changed. */
export function createMeasuresReader({ firestore, clock }: ReaderDependencies): MeasuresReader {
  const known = new Map<Range, { readonly minute: number; readonly view: Promise<MeasuresView> }>();
  let minutes: { readonly minute: number; readonly read: Promise<readonly (Measure | null)[]> } | undefined;
  const currentMinute = () => Math.floor(clock.now() / minuteMs);

  async function read(range: Range, earlier: Promise<MeasuresView> | undefined): Promise<MeasuresView> {
    const before = await earlier?.catch(() => undefined);
    if (before === undefined) return readSeries(firestore, range, clock.now());
    // The last column was under way, and the one before it may have been measured late.
    const since = before.at.at(-lateColumns) ?? 0;
    return joined(before, await readSeries(firestore, range, clock.now(), since));
  }

  return {
    measures(range) {
      const minute = currentMinute();
      const last = known.get(range);
      if (last?.minute === minute) return last.view;
      const view = read(range, last?.view);
      known.set(range, { minute, view });
      view.catch(() => known.delete(range));
      return view;
    },
    lastMinutes() {
      const minute = currentMinute();
      if (minutes?.minute !== minute) {
        const read = readLastMinutes(firestore, clock.now());
        minutes = { minute, read };
        read.catch(() => {
          minutes = undefined;
        });
      }
      return minutes.read;
    },
  };
}

/** Columns at the end that are read again: a minute is written up to two minutes after its end. */
const lateColumns = 4;

/** Earlier columns followed by newer ones, as many as before. */
function joined(before: MeasuresView, newer: MeasuresView): MeasuresView {
  const [first] = newer.at;
  if (first === undefined) return before;
  const kept = before.at.filter((at) => at < first).length;
  const length = before.at.length;
  const join = <Value>(a: readonly Value[], b: readonly Value[]): Value[] => [...a.slice(0, kept), ...b].slice(-length);
  return {
    range: newer.range,
    stepMs: newer.stepMs,
    at: join(before.at, newer.at),
    events: join(before.events, newer.events),
    assets: join(before.assets, newer.assets),
    shownP50: join(before.shownP50, newer.shownP50),
    shownP95: join(before.shownP95, newer.shownP95),
    relayLag: join(before.relayLag, newer.relayLag),
    backlog: join(before.backlog, newer.backlog),
    findings: join(before.findings, newer.findings),
    reads: join(before.reads, newer.reads),
    writes: join(before.writes, newer.writes),
    deletes: join(before.deletes, newer.deletes),
    cost: join(before.cost, newer.cost),
  };
}
