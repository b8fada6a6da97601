import { crc32 } from 'node:zlib';
import { projectOf } from '../eventFromChange.ts';

/** A relay's share of the projects. */
export interface Shard {
  /** From 1 on. */
  readonly number: number;
  /** How many there are; 1: no shards. */
  readonly of: number;
}

/** The number of the shard that publishes a project's changes. By the project id, as events carry it, and not by the
 *  `_id`: ids of different types may be one project (`7` and `"7"`), whose changes stay in one stream. What never
 *  becomes an event (undefined) is the first shard's. */
export function shardOf(projectId: string | undefined, of: number): number {
  return projectId === undefined ? 1 : (crc32(projectId) % of) + 1;
}

/** Whether a change of the project with this `_id` (or of what cannot be told) is for this shard to deal with. */
export function isForShard({ number, of }: Shard, id: unknown): boolean {
  if (of === 1) return true;
  const named = projectOf(id);
  return shardOf(named.kind === 'project' ? named.projectId : undefined, of) === number;
}
