import { secondMs } from '../clock.ts';
import { eventId, type ProjectEvent, specversion } from '../events/contract.ts';
import { partsOf } from '../events/version.ts';
import type { Statement } from '../source/truth.ts';

/** What MongoDB said of a project, as an event like any other: a deletion when it does not have it, else an update with every configured field.
 *
 *  Its version is MongoDB's time just *before* the question, which makes it order-free with the events of the change stream: every change up to that time
 *  is part of the answer, so the event rightly beats them all; a change after it has an event of its own with a newer version, which beats this one,
 *  whichever of the two arrives first. The answer may hold such a later change already; then both say the same. */
export function mendingEvent(statement: Statement, projectId: string, reason: string): ProjectEvent {
  const snapshot = statement.projects.get(projectId);
  return {
    specversion,
    id: eventId(projectId, statement.version),
    type: snapshot === undefined ? 'ProjectDeleted' : 'ProjectUpdated',
    projectId,
    version: statement.version,
    occurredAt: new Date(partsOf(statement.version).seconds * secondMs).toISOString(),
    changes: { ...snapshot?.fields },
    origin: { service: 'lockstep', channel: 'reconciliation', reason },
  };
}
