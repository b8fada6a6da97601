import type { CopyValue } from '../../events/copyValue.ts';
import type { ProjectSnapshot } from '../../source/lookup.ts';

/** Longest copy that a query may compare with, in bytes. Firestore cuts index entries at 1,500 bytes: behind a cut one
 *  "after this value" may mean that same value again, and what begins alike may pass for equal:
 *  https://firebase.google.com/docs/firestore/quotas#indexes */
export const maxComparedBytes = 1_400;

/** A project with those of its fields that an asset can be compared with by a query: without what no copy can have, and
 *  what an index may hold cut. */
export interface ComparableProject {
  readonly projectId: string;
  readonly fields: Readonly<Record<string, CopyValue>>;
}

/** Takes what is needed of a project, which may be large. */
export function comparable({ projectId, fields }: Omit<ProjectSnapshot, 'refused'>): ComparableProject {
  const short = Object.entries(fields).filter(([, value]) => bytesOf(value) <= maxComparedBytes);
  return { projectId, fields: Object.fromEntries(short) };
}

/** Never less than Firestore takes for a value: https://firebase.google.com/docs/firestore/storage-size */
function bytesOf(value: CopyValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value) + 1;
  if (value === null || typeof value !== 'object' || value instanceof Date) return 8;
  return Object.entries(value).reduce((sum, [key, inner]) => sum + Buffer.byteLength(key) + 1 + bytesOf(inner), 0);
}
