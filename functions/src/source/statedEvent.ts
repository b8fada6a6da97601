import { eventId, type ProjectEvent, specversion } from '../events/contract.ts';
import { timeOf } from '../events/version.ts';
import type { Statement } from './truth.ts';

/** What MongoDB said of a project, as an event: a deletion when it does not have it, else an update of every field.
 *
 *  Its version is MongoDB's time just *before* the question, which makes it order-free with the events of the change
 *  stream: every change up to that time is part of the answer, so the event rightly beats them; a later change has an
 *  event of its own that beats this one, whichever arrives first.
 *  @param origin  how it came that MongoDB was asked, and why */
export function statedEvent(
  statement: Statement,
  projectId: string,
  origin: { readonly channel: string; readonly reason: string },
): ProjectEvent {
  const snapshot = statement.projects.get(projectId);
  return {
    specversion,
    id: eventId(projectId, statement.version),
    type: snapshot === undefined ? 'ProjectDeleted' : 'ProjectUpdated',
    projectId,
    version: statement.version,
    occurredAt: new Date(timeOf(statement.version)).toISOString(),
    changes: { ...snapshot?.fields },
    origin: { service, ...origin },
  };
}

const service = 'lockstep';

/** Whether an event says what MongoDB answered, not what was done to the project there. (The service that owns the
 *  projects may have any name.) */
export function isStated({ origin }: Pick<ProjectEvent, 'origin'>): boolean {
  return origin.service === service && origin.channel !== 'change-stream';
}
