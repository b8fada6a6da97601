import { type EventType, eventId, type ProjectEvent } from '../../src/events/contract.ts';
import type { CopyValue } from '../../src/events/copyValue.ts';
import { versionOf } from '../../src/events/version.ts';

/** An event of project `p` that was committed in a second; deletions change nothing. */
export function eventAt(
  { type, seconds, actor }: { readonly type: EventType; readonly seconds: number; readonly actor?: string },
  changes: Readonly<Record<string, CopyValue>>,
): ProjectEvent {
  const version = versionOf({ seconds, increment: 1 }, 0);
  return {
    specversion: 1,
    id: eventId('p', version),
    type,
    projectId: 'p',
    version,
    occurredAt: '2026-11-22T12:00:00.000Z',
    changes: type === 'ProjectDeleted' ? {} : changes,
    origin: { service: 's', channel: 'test', ...(actor !== undefined && { actor }) },
  };
}
