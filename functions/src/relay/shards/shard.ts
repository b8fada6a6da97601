import { crc32 } from 'node:zlib';
import { projectOf } from '../eventFromChange.ts';

/** A relay's share of the projects. */
export interface Shard {
  /** From 1 on. */
  readonly number: number;
  /** How many there are; 1: no shards. */
  readonly of: number;
}

/** All projects. */
export const wholeShard: Shard = { number: 1, of: 1 };

/** What two hex digits can be. */
const byteValues = 256;

/** The number of the shard that publishes a project's changes. By the project id, as events carry it, and not by the
 *  `_id`: ids of different types may be one project (`7` and `"7"`), whose changes stay in one stream. Of what looks
 *  like an ObjectId the last byte decides, which counts up with every id that a process makes, so that MongoDB can
 *  tell it as well (`shardFilter.ts`): by ranges, so that processes which take every second or fourth number spread
 *  as evenly. What never becomes an event (undefined) is the first shard's. */
export function shardOf(projectId: string | undefined, of: number): number {
  if (projectId === undefined) return 1;
  const lastByte = /^[0-9a-f]{22}([0-9a-f]{2})$/.exec(projectId)?.[1];
  if (lastByte === undefined) return (crc32(projectId) % of) + 1;
  return Math.floor((Number.parseInt(lastByte, 16) * of) / byteValues) + 1;
}

/** The last bytes of the ObjectIds of a shard, in hex. */
export function lastBytesOf({ number, of }: Shard): string[] {
  const rest = '0'.repeat(22);
  return Array.from({ length: byteValues }, (_, value) => value.toString(16).padStart(2, '0')).filter(
    (lastByte) => shardOf(rest + lastByte, of) === number,
  );
}

/** Whether a change of the project with this `_id` (or of what cannot be told) is for this shard to deal with. */
export function isForShard({ number, of }: Shard, id: unknown): boolean {
  if (of === 1) return true;
  const named = projectOf(id);
  return shardOf(named.kind === 'project' ? named.projectId : undefined, of) === number;
}
