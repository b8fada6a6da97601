import { type AlarmSeverity, alarmTexts } from '../src/alerts/alarmTexts.ts';

/** A metric that Cloud Logging computes from log lines, in the form of `gcloud logging metrics create
 *  --config-from-file` (https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics). */
export interface LogMetric {
  readonly name: string;
  readonly description: string;
  readonly filter: string;
  readonly [field: string]: unknown;
}

/** When somebody must look, in the form of
 *  https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies. */
export interface AlertPolicy {
  readonly displayName: string;
  readonly documentation: { readonly content: string; readonly mimeType: 'text/markdown' };
  readonly severity: AlarmSeverity;
  readonly combiner: 'OR';
  readonly conditions: readonly unknown[];
  readonly alertStrategy: { readonly autoClose: string };
}

/** Functions of the 2nd generation and the relay's container both are revisions of Cloud Run. */
const resource = 'resource.type="cloud_run_revision"';

export const logMetrics: readonly LogMetric[] = [
  {
    name: 'lockstep_alarms',
    description: 'Lines that Lockstep wrote because a person must look at something, by alarm',
    filter: `${resource} AND jsonPayload.alarm:*`,
    labelExtractors: { alarm: 'EXTRACT(jsonPayload.alarm)' },
    metricDescriptor: {
      metricKind: 'DELTA',
      valueType: 'INT64',
      unit: '1',
      labels: [{ key: 'alarm', valueType: 'STRING', description: 'Which alarm (functions/src/log.ts)' }],
    },
  },
  {
    name: 'lockstep_relay_lag_ms',
    description: 'How far what the relay has published is behind MongoDB, in ms',
    filter: `${resource} AND jsonPayload.signal="relay-status" AND jsonPayload.lagMs>=0`,
    valueExtractor: 'EXTRACT(jsonPayload.lagMs)',
    metricDescriptor: { metricKind: 'DELTA', valueType: 'DISTRIBUTION', unit: 'ms' },
    // From 10 ms to about 3 hours, each bucket 1.5 times the one before.
    bucketOptions: { exponentialBuckets: { numFiniteBuckets: 34, growthFactor: 1.5, scale: 10 } },
  },
  {
    name: 'lockstep_reconciliations',
    description: 'Reconciliations that came to their end',
    filter: `${resource} AND jsonPayload.signal="reconciliation-finished"`,
    metricDescriptor: { metricKind: 'DELTA', valueType: 'INT64', unit: '1' },
  },
];

/** Relay lag above which somebody must look, in ms. The scheduled relay is invoked every minute, so a failed invocation
 *  alone does not reach it. */
const maxRelayLagMs = 2 * 60 * 1000;

/** How long the relay may say nothing, in s: three invocations. */
const relaySilenceSeconds = 300;

/** Within which time a reconciliation has to end, in s: one a day and an hour to run. It is also the longest period
 *  over which an alert policy may add up (90,000 s). */
const reconciliationPeriodSeconds = 25 * 60 * 60;

/** An incident closes by itself when nothing more was logged for this long, in s. */
const autoCloseSeconds = 24 * 60 * 60;

const seconds = (count: number) => `${count}s`;
const metricFilter = (name: string) => `metric.type="logging.googleapis.com/user/${name}" AND ${resource}`;

function policy(
  displayName: string,
  severity: AlertPolicy['severity'],
  text: string,
  conditions: readonly unknown[],
): AlertPolicy {
  return {
    displayName: `Lockstep: ${displayName}`,
    documentation: { content: text, mimeType: 'text/markdown' },
    severity,
    combiner: 'OR',
    conditions,
    alertStrategy: { autoClose: seconds(autoCloseSeconds) },
  };
}

export const alertPolicies: readonly AlertPolicy[] = [
  ...Object.entries(alarmTexts).map(([alarm, { severity, text }]) =>
    policy(alarm, severity, text, [
      {
        displayName: `a line with the alarm "${alarm}"`,
        conditionThreshold: {
          filter: `${metricFilter('lockstep_alarms')} AND metric.labels.alarm="${alarm}"`,
          aggregations: [
            { alignmentPeriod: seconds(60), perSeriesAligner: 'ALIGN_DELTA', crossSeriesReducer: 'REDUCE_SUM' },
          ],
          comparison: 'COMPARISON_GT',
          thresholdValue: 0,
          duration: seconds(0),
        },
      },
    ]),
  ),
  policy(
    'the relay is behind',
    'ERROR',
    'Changes of projects reach Firestore more than two minutes late, or no relay runs. Look at the logs of `relayProjectChanges` (or of the relay container), at the lease in `syncRelay`, and at MongoDB.',
    [
      {
        displayName: 'lag over 2 minutes',
        conditionThreshold: {
          filter: metricFilter('lockstep_relay_lag_ms'),
          aggregations: [
            { alignmentPeriod: seconds(60), perSeriesAligner: 'ALIGN_PERCENTILE_50', crossSeriesReducer: 'REDUCE_MAX' },
          ],
          comparison: 'COMPARISON_GT',
          thresholdValue: maxRelayLagMs,
          duration: seconds(120),
        },
      },
      {
        displayName: 'no relay reports',
        conditionAbsent: {
          filter: metricFilter('lockstep_relay_lag_ms'),
          aggregations: [
            { alignmentPeriod: seconds(60), perSeriesAligner: 'ALIGN_DELTA', crossSeriesReducer: 'REDUCE_SUM' },
          ],
          duration: seconds(relaySilenceSeconds),
        },
      },
    ],
  ),
  policy(
    'the reconciliation is overdue',
    'WARNING',
    'No reconciliation has ended within 25 hours. Look at the logs of `reconcileOnRequest`, which does the work, and at the job of `reconcileAssets` in Cloud Scheduler, which asks for it. Until it runs, nothing finds what slipped through.',
    [
      {
        displayName: 'none within 25 hours',
        conditionThreshold: {
          filter: metricFilter('lockstep_reconciliations'),
          aggregations: [
            {
              alignmentPeriod: seconds(reconciliationPeriodSeconds),
              perSeriesAligner: 'ALIGN_DELTA',
              crossSeriesReducer: 'REDUCE_SUM',
            },
          ],
          comparison: 'COMPARISON_LT',
          thresholdValue: 1,
          duration: seconds(60),
          // Without a single line there is no series, which is just what has to be noticed.
          evaluationMissingData: 'EVALUATION_MISSING_DATA_ACTIVE',
        },
      },
    ],
  ),
];
