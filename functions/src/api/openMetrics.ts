import { Gauge, type OpenMetricsContentType, Registry } from 'prom-client';
import { secondMs } from '../clock.ts';
import type { NowView } from './views/now.ts';

/** https://prometheus.io/docs/specs/om/open_metrics_spec/ */
export const openMetricsType = Registry.OPENMETRICS_CONTENT_TYPE;

/** What is shown of this moment, for a scraper. Times in seconds, as the specification has it. What is not known is
 *  missing, never zero. */
export function openMetrics(now: NowView): Promise<string> {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(openMetricsType);
  const gauge = <Label extends string>(
    name: string,
    help: string,
    values: readonly { readonly value: number | null; readonly labels?: Readonly<Record<Label, string>> }[],
    labelNames: Label[] = [],
  ) => {
    // A gauge without labels would begin at zero.
    if (values.every(({ value }) => value === null)) return;
    const metric = new Gauge({ name: `lockstep_${name}`, help, labelNames, registers: [registry] });
    for (const { value, labels } of values) {
      if (value === null) continue;
      if (labels === undefined) metric.set(value);
      else metric.labels({ ...labels }).set(value);
    }
  };
  gauge('in_step', '1 while nothing is known to be out of step', [{ value: Number(now.inStep) }]);
  gauge('relay_running', '1 while a relay holds the lease', [{ value: Number(now.relay.state === 'running') }]);
  gauge('relay_lag_seconds', 'How far what is published is behind MongoDB', [{ value: inSeconds(now.relay.lagMs) }]);
  gauge('backlog', 'Events that arrived and are not applied', [{ value: now.backlog }]);
  gauge('holds', 'Deletions that wait for a person', [{ value: now.holds }]);
  gauge('dead_letters', 'Events that were given up', [{ value: now.deadLetters }]);
  gauge(
    'paused',
    '1 for what is paused',
    now.paused.map(({ what }) => ({ value: 1, labels: { what } })),
    ['what'],
  );
  gauge(
    'target_seconds',
    'What is promised',
    now.targets.map(({ name, goal }) => ({ value: inSeconds(goal), labels: { target: name } })),
    ['target'],
  );
  gauge(
    'target_measured_seconds',
    'What was measured over the last hour',
    now.targets.map(({ name, measured }) => ({ value: inSeconds(measured), labels: { target: name } })),
    ['target'],
  );
  gauge(
    'target_met',
    '1 while a target is met',
    now.targets.map(({ name, met }) => ({ value: Number(met), labels: { target: name } })),
    ['target'],
  );
  return registry.metrics();
}

function inSeconds(ms: number | null): number | null {
  return ms === null ? null : ms / secondMs;
}
