import { severityOf } from '../alarmTexts.ts';
import type { AlertChange, AlertRecord } from '../alertRecord.ts';
import type { TargetAddress } from './addresses.ts';

/** A call of a webhook. */
export interface WebhookCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is said about an alert. */
export interface Notice {
  readonly change: AlertChange;
  readonly alert: AlertRecord;
  /** Which installation says it: the Google Cloud project. */
  readonly source: string;
}

/** The call that brings a notice to an address, in the form that it understands. */
export function webhookCall(address: TargetAddress, notice: Notice): WebhookCall {
  const { change, alert } = notice;
  return {
    url: address.url,
    headers: {
      'content-type': 'application/json',
      // The same change is sent again where nobody knows whether it arrived.
      'idempotency-key': `${alert.key}/${alert.opening}/${change}`,
    },
    body: JSON.stringify(bodyFor(address, notice)),
  };
}

function bodyFor(address: TargetAddress, notice: Notice): unknown {
  switch (address.format) {
    case 'json':
      return jsonBody(notice);
    case 'slack':
      return slackBody(notice);
    case 'pagerduty':
      return pagerDutyBody(notice, address.routingKey);
  }
}

function jsonBody({ change, alert, source }: Notice) {
  return {
    change,
    source,
    key: alert.key,
    alarm: alert.alarm,
    severity: severityOf(alert.alarm),
    state: alert.state,
    message: alert.message,
    hint: alert.hint,
    fields: alert.fields,
    count: alert.count,
    opening: alert.opening,
    firstAt: iso(alert.firstAt),
    lastAt: iso(alert.lastAt),
    acknowledgedBy: alert.acknowledgedBy,
    closedBy: alert.closedBy,
  };
}

/** https://api.slack.com/messaging/webhooks, https://api.slack.com/reference/surfaces/formatting#escaping */
function slackBody({ change, alert, source }: Notice) {
  const plain = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const lines = [
    `*Lockstep: ${plain(alert.key)}* ${plain(said(change, alert))} (${plain(source)})`,
    plain(alert.message),
    ...(change === 'opened' || change === 'escalated' ? [plain(alert.hint), plain(fieldsLine(alert))] : []),
  ];
  return { text: lines.filter((line) => line !== '').join('\n') };
}

function said(change: AlertChange, { acknowledgedBy, closedBy, count, firstAt }: AlertRecord): string {
  switch (change) {
    case 'opened':
      return 'was raised';
    case 'escalated':
      return `has not been acknowledged since ${iso(firstAt)}, raised ${count} times`;
    case 'acknowledged':
      return `was acknowledged by ${acknowledgedBy ?? 'somebody'}`;
    case 'closed':
      return `was closed by ${closedBy ?? 'somebody'}`;
  }
}

/** Longest texts that PagerDuty takes, in characters: https://developer.pagerduty.com/docs/send-alert-event */
const maxSummaryLength = 1_024;
const maxKeyLength = 255;

const pagerDutyActions = {
  opened: 'trigger',
  escalated: 'trigger',
  acknowledged: 'acknowledge',
  closed: 'resolve',
} as const;

function pagerDutyBody({ change, alert, source }: Notice, routingKey: string) {
  return {
    routing_key: routingKey,
    event_action: pagerDutyActions[change],
    // Events of one key are one incident there.
    dedup_key: `lockstep/${source}/${alert.key}`.slice(0, maxKeyLength).toWellFormed(),
    payload: {
      summary: `${alert.key}: ${alert.message}`.slice(0, maxSummaryLength).toWellFormed(),
      source,
      severity: severityOf(alert.alarm).toLowerCase(),
      timestamp: iso(alert.lastAt),
      component: 'lockstep',
      custom_details: { ...alert.fields, hint: alert.hint, count: alert.count, firstAt: iso(alert.firstAt) },
    },
  };
}

const iso = (ms: number) => new Date(ms).toISOString();

/** Characters of the fields that a chat shows. */
const maxFieldsLength = 1_000;

function fieldsLine({ fields }: AlertRecord): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${String(value)}`)
    .join(', ')
    .slice(0, maxFieldsLength)
    .toWellFormed();
}
