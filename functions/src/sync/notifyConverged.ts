import type { Firestore, Timestamp } from 'firebase-admin/firestore';
import { type Clock, secondMs } from '../clock.ts';
import { encodeEvent } from '../events/codec.ts';
import type { ProjectEvent } from '../events/contract.ts';
import { encodeConverged } from '../events/convergedMessage.ts';
import type { Publisher } from '../publisher.ts';
import { effectiveHold, parseProjectRecord, projectRecordRef } from '../records/projectRecord.ts';
import { ProjectBusyError } from './errors.ts';

// Others are notified of what the record of a project says, after it says so and before the message that brought it is
// acknowledged: that message is the outbox. Whoever dies in between has it redelivered, and the redelivery, which finds
// the state applied, notifies again.

/** Attribute (`'true'`) of a message on the topic of events that brings nothing to a project, and stands only for the
 *  notification of others: of a repair, which no event stands for. */
export const announcementAttribute = 'announcement';

/** The message that stands for the notification about a repair. To be published before the repair is on record. */
export function announcementOf(event: ProjectEvent) {
  const message = encodeEvent(event);
  return { ...message, attributes: { ...message.attributes, [announcementAttribute]: 'true' } };
}

export interface Notification {
  readonly event: ProjectEvent;
  /** Assets that were updated or deleted; null where it is not known. */
  readonly changed: number | null;
  /** Whether the message is an announcement: the repair that it stands for may not be over yet. */
  readonly isAnnouncement: boolean;
}

/** Publishes the state that the assets of a project show, as its record has it. A record that is behind again says
 *  nothing: what stands for its news will. Costs one read.
 *  @throws ProjectBusyError while the repair that an announcement stands for goes on; what Firestore or Pub/Sub
 *  answered. */
export async function notifyConverged(
  { firestore, clock, converged }: { firestore: Firestore; clock: Clock; converged: Publisher },
  { event, changed, isAnnouncement }: Notification,
): Promise<void> {
  const { projectId } = event;
  const snapshot = await projectRecordRef(firestore, projectId).get();
  const record = parseProjectRecord(projectId, snapshot.data());
  const { desired, lease, revision, appliedRevision } = record;
  const now = clock.now();
  if (isAnnouncement && lease !== null && lease.expiresAt > now) throw new ProjectBusyError(event.id, lease.expiresAt);
  const { kind, version } = desired;
  // Where a person has decided that the assets of a deleted project stay, they don't show that it is deleted.
  const isShown = appliedRevision === revision && effectiveHold(record) === null;
  if (!isShown || kind === 'unknown' || version === null || snapshot.createTime === undefined) return;
  const fields = Object.fromEntries(Object.entries(desired.fields).map(([field, { value }]) => [field, value]));
  const since = recordedSince(snapshot.createTime);
  const state = { projectId, version, recordedSince: since, revision, kind, fields, changed };
  await converged.publish(encodeConverged({ ...state, at: now }));
}

/** When a record was created, as the messages have it: always as many digits, so that it compares as text. */
export function recordedSince({ seconds, nanoseconds }: Timestamp): string {
  const micros = Math.floor(nanoseconds / 1_000);
  return new Date(seconds * secondMs).toISOString().replace('.000Z', `.${String(micros).padStart(6, '0')}Z`);
}
