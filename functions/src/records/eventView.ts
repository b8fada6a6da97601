import type { EventView } from '../api/views/projects.ts';
import { type HistoryEntry, parseHistoryEntry } from './historyEntry.ts';
import type { Origin } from './origin.ts';
import type { ProjectRecord } from './projectRecord.ts';

/** A document of the history as it is shown.
 *  @throws HistoryEntryError */
export function eventViewOf(path: string, data: unknown): EventView {
  const entry = parseHistoryEntry(path, data);
  return {
    ...shown(entry, entry.origin),
    type: entry.type ?? 'unknown',
    receivedAt: entry.receivedAt ?? entry.settledAt ?? 0,
    jobId: entry.jobId,
    lagMs: entry.lagMs,
  };
}

/** Events of a project that are not in its history before their work is over: they belong before those that are. One
 *  that is in both is told by the history, as it was then, and here, as it is now. */
export function openEventViews({ projectId, open, lease }: ProjectRecord): EventView[] {
  return open
    .map((event) => ({
      ...shown({ ...event, projectId }, event.origin),
      type: event.type,
      receivedAt: event.receivedAt,
      jobId: lease?.eventId ?? null,
      lagMs: null,
    }))
    .toSorted((a, b) => b.receivedAt - a.receivedAt);
}

function shown(
  { id, projectId, version, outcome }: Pick<HistoryEntry, 'id' | 'projectId' | 'version' | 'outcome'>,
  origin: Origin | null,
) {
  return {
    id,
    projectId,
    version,
    outcome,
    origin: origin === null ? 'unknown' : `${origin.service} (${origin.channel})`,
    actor: origin?.actor ?? null,
  };
}
