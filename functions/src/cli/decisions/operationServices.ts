import { randomUUID } from 'node:crypto';
import type { Firestore } from 'firebase-admin/firestore';
import type { OutboxTopic } from '../../audit/trace.ts';
import { dayMs } from '../../clock.ts';
import { jobRetentionDays } from '../../config/params.ts';
import config from '../../lockstep.config.ts';
import type { OperationServices } from '../../operations/operation.ts';
import type { Publisher } from '../../publisher.ts';
import { createConsoleLog } from '../consoleLog.ts';
import type { Terminal } from '../terminal.ts';

/** What operations need, at a terminal. A topic that the command has not opened cannot be published to: the message of
 *  a decision then waits in the outbox. */
export function operationServices(
  terminal: Terminal,
  firestore: Firestore,
  publishers: Partial<Record<OutboxTopic, () => Publisher>> = {},
): OperationServices {
  return {
    firestore,
    config,
    clock: terminal.clock,
    log: createConsoleLog(terminal.clock, terminal.note),
    uniqueId: randomUUID,
    publisherTo: async (topic) => {
      const publisher = publishers[topic];
      if (publisher === undefined) throw new Error(`this command does not publish ${topic}`);
      return publisher();
    },
    retentionMs: jobRetentionDays.value() * dayMs,
  };
}
