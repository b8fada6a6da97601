import type { Firestore } from 'firebase-admin/firestore';
import { type Clock, secondMs } from '../clock.ts';
import type { AlertsConfig } from '../config/alertsConfig.ts';
import { errorText, type Log } from '../log.ts';
import { hintOf } from './alarmTexts.ts';
import type { AlertMessage } from './alertMessage.ts';
import { type AlertRecord, AlertRecordError, alertData, alertRef, parseAlert, type SentChange } from './alertRecord.ts';
import { type DueChange, dueChanges, nextLook } from './due.ts';
import { ended, raised } from './transitions.ts';
import type { TargetAddress } from './webhooks/addresses.ts';
import { webhookCall } from './webhooks/formats.ts';
import { callWebhook } from './webhooks/send.ts';

export interface DeliveryDependencies {
  readonly firestore: Firestore;
  readonly clock: Clock;
  readonly random: () => number;
  /** Where failures are said: a log that raises no alerts, or a target that is down would fill the topic. */
  readonly log: Log;
  readonly config: AlertsConfig;
  /** @throws TargetAddressesError */
  readonly addresses: () => ReadonlyMap<string, TargetAddress>;
  /** Which installation speaks. */
  readonly source: string;
}

/** An alert could not be brought to a target, or another delivery of its message is at it. */
export class AlertNotDeliveredError extends Error {
  constructor(key: string, problem: string) {
    super(`the alert ${key} is not delivered: ${problem}; its message is refused so that it is redelivered`);
    this.name = 'AlertNotDeliveredError';
  }
}

/** How long one delivery keeps others from sending about the same alert, in ms: longer than the tries of a webhook take
 *  together. */
const leaseMs = 90 * secondMs;

/** Brings an alert up to date with a message, and tells the targets what is due. The same change is sent to a target
 *  once: what was sent is recorded, and one delivery at a time sends. It is sent again only where a delivery died
 *  between the webhook's answer and the record.
 *  @param by names the message; a redelivery has the same name.
 *  @throws AlertNotDeliveredError, TargetAddressesError, and what Firestore answers. */
export async function deliverAlert(
  dependencies: DeliveryDependencies,
  message: AlertMessage,
  by: string,
  signal: AbortSignal,
): Promise<void> {
  let round = await take(dependencies, message, by);
  while (round !== null) {
    const { record, due } = round;
    const results = await Promise.all(due.map((change) => send(dependencies, record, change, signal)));
    const failed = results.flatMap((result) => (result.kind === 'failed' ? [result] : []));
    round = await settle(dependencies, message.key, by, {
      opening: record.opening,
      sent: results.flatMap((result) => (result.kind === 'sent' ? [result.sent] : [])),
      goesOn: failed.length === 0,
    });
    if (failed.length > 0) {
      const problems = failed.map(({ target, problem }) => `${target}: ${problem}`);
      throw new AlertNotDeliveredError(message.key, problems.join(', '));
    }
  }
}

/** An alert, and what is to be sent about it by the one who holds its lease. */
interface Round {
  readonly record: AlertRecord;
  readonly due: readonly DueChange[];
}

/** Records the message; null where nothing is due, or another delivery sends: that one looks again before it ends. */
async function take(
  { firestore, clock, log, config }: DeliveryDependencies,
  message: AlertMessage,
  by: string,
): Promise<Round | null> {
  const ref = alertRef(firestore, message.key);
  const { round, damage } = await firestore.runTransaction(async (transaction) => {
    const snapshot = await transaction.get(ref);
    const { known, damage } = snapshot.exists ? read(ref.path, snapshot.data()) : nothingKnown;
    const record = damage !== undefined && message.kind === 'ended' ? undefined : afterMessage(known, message);
    if (record === undefined) return { round: null, damage };
    const now = clock.now();
    const due = dueChanges(record, config, now);
    const holder = record.sending !== null && record.sending.until > now ? record.sending.by : null;
    if (due.length > 0 && holder === by) {
      throw new AlertNotDeliveredError(message.key, 'an earlier delivery of its message is under way');
    }
    const sends = due.length > 0 && holder === null;
    const next: AlertRecord = {
      ...record,
      lookAt: nextLook(record, config, now),
      sending: sends ? { by, until: now + leaseMs } : record.sending,
    };
    transaction.set(ref, alertData(next));
    return { round: sends ? { record: next, due } : null, damage };
  });
  if (damage !== undefined) {
    log.error('the record of an alert could not be read; an alarm replaces it', { record: ref.path, error: damage });
  }
  return round;
}

function afterMessage(known: AlertRecord | undefined, message: AlertMessage): AlertRecord | undefined {
  switch (message.kind) {
    case 'raised':
      return raised(known, message, hintOf(message.alarm));
    case 'ended':
      return ended(known, message);
    case 'look':
      return known;
  }
}

/** What one round of sending came to. */
interface RoundResult {
  readonly opening: number;
  readonly sent: readonly SentChange[];
  readonly goesOn: boolean;
}

/** Records what was sent, and goes on with what has become due meanwhile; otherwise the lease is given back. */
async function settle(
  { firestore, clock, config }: DeliveryDependencies,
  key: string,
  by: string,
  { opening, sent, goesOn }: RoundResult,
): Promise<Round | null> {
  const ref = alertRef(firestore, key);
  return firestore.runTransaction(async (transaction) => {
    const snapshot = await transaction.get(ref);
    if (!snapshot.exists) return null;
    const known = parseAlert(ref.path, snapshot.data());
    // Opened anew, or taken by another delivery: what was sent belongs to what is over.
    if (known.opening !== opening || known.sending?.by !== by) return null;
    const escalation = sent.find(({ change }) => change === 'escalated');
    const record = {
      ...known,
      sent: [...known.sent, ...sent],
      escalatedAt: escalation?.at ?? known.escalatedAt,
    };
    const now = clock.now();
    const due = goesOn ? dueChanges(record, config, now) : [];
    const next: AlertRecord = {
      ...record,
      lookAt: nextLook(record, config, now),
      sending: due.length > 0 ? { by, until: now + leaseMs } : null,
    };
    transaction.set(ref, alertData(next));
    return due.length > 0 ? { record: next, due } : null;
  });
}

type SendResult =
  | { readonly kind: 'sent'; readonly sent: SentChange }
  | { readonly kind: 'failed'; readonly target: string; readonly problem: string };

async function send(
  { clock, random, log, addresses, source }: DeliveryDependencies,
  alert: AlertRecord,
  { change, target: { name } }: DueChange,
  signal: AbortSignal,
): Promise<SendResult> {
  const fields = { key: alert.key, change, target: name };
  try {
    const address = addresses().get(name);
    if (address === undefined) return { kind: 'failed', target: name, problem: 'its address is not known' };
    await callWebhook(webhookCall(address, { change, alert, source }), {
      clock,
      random,
      signal,
      onRetry: (error, attempt) =>
        log.warn('a target did not take an alert; retrying', { ...fields, attempt, error: errorText(error) }),
    });
    log.info('a target has taken an alert', fields);
    return { kind: 'sent', sent: { change, target: name, at: clock.now() } };
  } catch (error) {
    log.error('a target did not take an alert; it is tried again with the message', {
      ...fields,
      error: errorText(error),
    });
    return { kind: 'failed', target: name, problem: errorText(error) };
  }
}

/** What is known of an alert already, or why that cannot be read. */
interface Known {
  readonly known: AlertRecord | undefined;
  readonly damage: string | undefined;
}

const nothingKnown: Known = { known: undefined, damage: undefined };

function read(path: string, data: unknown): Known {
  try {
    return { known: parseAlert(path, data), damage: undefined };
  } catch (error) {
    if (!(error instanceof AlertRecordError)) throw error;
    return { known: undefined, damage: error.message };
  }
}
