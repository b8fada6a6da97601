import type { Clock } from '../clock.ts';
import { errorText, type Log } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import { within } from '../waiting.ts';
import { type AlertMessage, encodeAlertMessage, type RaisedMessage, raisedMessage } from './alertMessage.ts';

/** A log whose alarms reach people: each is also published to the topic of alerts. Publishing fails and delays nothing:
 *  the log line stands for an alarm that could not be published. */
export interface AlertingLog {
  readonly log: Log;
  /** The cause of an alert is gone. */
  end(key: string): void;
  /** Something about an alert is due. */
  look(key: string): void;
  /** Waits a moment until what was raised is published; to be awaited before an invocation ends. Never rejects. */
  flush(): Promise<void>;
}

export interface AlertingLogOptions {
  /** Where the lines go. */
  readonly log: Log;
  readonly clock: Clock;
  readonly uniqueId: () => string;
  /** To the topic of alerts; asked for at the first alarm. */
  readonly publisher: () => Promise<Publisher>;
}

/** How many alerts a process publishes at once, and how long it then waits for the next, in ms. In a flood the alarms
 *  of one alert go together in one message that counts them. */
const burst = 20;
const refillMs = 3_000;

/** How long an invocation waits for its alerts, in ms: Pub/Sub answers within tens of ms. */
const patienceMs = 2_000;

export function createAlertingLog({ log, clock, uniqueId, publisher }: AlertingLogOptions): AlertingLog {
  const waiting = new Map<string, RaisedMessage>();
  const onTheirWay = new Set<Promise<void>>();
  let allowed = burst;
  let refilledAt = clock.now();

  function send(message: AlertMessage): void {
    const sending = publish(message).finally(() => onTheirWay.delete(sending));
    onTheirWay.add(sending);
  }

  async function publish(message: AlertMessage): Promise<void> {
    try {
      await (await publisher()).publish(encodeAlertMessage(message));
    } catch (error) {
      log.error('an alert could not be published; its line in this log stands for it', {
        key: message.key,
        kind: message.kind,
        error: errorText(error),
      });
    }
  }

  function sendAllowed(): void {
    const refills = Math.floor((clock.now() - refilledAt) / refillMs);
    if (refills > 0) {
      allowed = Math.min(burst, allowed + refills);
      refilledAt += refills * refillMs;
    }
    for (const [key, message] of waiting) {
      if (allowed === 0) return;
      allowed -= 1;
      waiting.delete(key);
      send(message);
    }
  }

  return {
    log: {
      debug: log.debug,
      info: log.info,
      warn: log.warn,
      error: log.error,
      alarm(alarm, message, fields = {}) {
        log.alarm(alarm, message, fields);
        const occurrence = raisedMessage(alarm, message, fields, { id: uniqueId(), count: 1, at: clock.now() });
        const earlier = waiting.get(occurrence.key)?.count ?? 0;
        waiting.set(occurrence.key, { ...occurrence, count: earlier + 1 });
        sendAllowed();
      },
    },
    end: (key) => send({ kind: 'ended', key, at: clock.now() }),
    look: (key) => send({ kind: 'look', key }),
    async flush() {
      sendAllowed();
      if (onTheirWay.size === 0) return;
      if (await within(clock, patienceMs, Promise.all(onTheirWay))) return;
      log.warn('alerts are not published yet; their lines in this log stand for them', { alerts: onTheirWay.size });
    },
  };
}
