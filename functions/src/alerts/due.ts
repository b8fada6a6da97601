import { hourMs, minuteMs } from '../clock.ts';
import type { AlertsConfig, AlertTarget } from '../config/alertsConfig.ts';
import type { AlertChange, AlertRecord } from './alertRecord.ts';

/** A target that is to hear of a change. */
export interface DueChange {
  readonly change: AlertChange;
  readonly target: AlertTarget;
}

/** What targets have to be told about an alert now. The target of the escalation hears of what nobody acknowledged in
 *  time; whoever heard of an alert hears how it goes on. Pure. */
export function dueChanges(record: AlertRecord, { targets, escalation }: AlertsConfig, now: number): DueChange[] {
  const wasSent = (change: AlertChange, { name }: AlertTarget) =>
    record.sent.some((sent) => sent.change === change && sent.target === name);
  const heard = (target: AlertTarget) => wasSent('opened', target) || wasSent('escalated', target);
  const isEscalationDue = record.state === 'open' && now >= (escalationAt(record, { targets, escalation }) ?? Infinity);
  return targets
    .flatMap((target): DueChange[] => {
      if (record.state === 'closed') return heard(target) ? [{ change: 'closed', target }] : [];
      const isLast = target.name === escalation?.to;
      const first: DueChange[] =
        isLast && !isEscalationDue ? [] : [{ change: isLast ? 'escalated' : 'opened', target }];
      const next: DueChange[] =
        record.state === 'acknowledged' && heard(target) ? [{ change: 'acknowledged', target }] : [];
      return [...first, ...next];
    })
    .filter(({ change, target }) => !wasSent(change, target));
}

/** How long what is due is left to the message that has met it, in ms: that is redelivered for a day. */
const lookAgainMs = hourMs;

/** When an alert has to be looked at again by itself, ms since 1970; null when nothing but news changes it. */
export function nextLook(record: AlertRecord, config: AlertsConfig, now: number): number | null {
  const at = record.state === 'open' && record.escalatedAt === null ? escalationAt(record, config) : null;
  return at === null || at > now ? at : now + lookAgainMs;
}

function escalationAt({ firstAt }: AlertRecord, { escalation }: AlertsConfig): number | null {
  return escalation === undefined ? null : firstAt + escalation.afterMinutes * minuteMs;
}
