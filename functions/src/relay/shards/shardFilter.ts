import type { Document } from 'mongodb';
import { lastBytesOf, type Shard } from './shard.ts';

/** What MongoDB leaves out for a shard: changes of the ObjectIds of others. Changes of a transaction travel all the
 *  same (only they have a `txnNumber`: https://www.mongodb.com/docs/manual/reference/change-events/), since their
 *  number in it makes their versions, which are to be the same in any number of shards; and so do ids of other types,
 *  whose text or hash not every version of MongoDB can tell. The relay lets pass what is not its own.
 *
 *  Others can have the same cluster time too: inserts that MongoDB 8 logs as one entry, writes to two shards of a
 *  cluster. Their ordinals depend on the number of shards then, which does no harm: outside of a transaction no project
 *  changes twice at one time. */
export function shardFilter(shard: Shard): Document[] {
  if (shard.of === 1) return [];
  const id = '$documentKey._id';
  return [
    {
      $match: {
        $or: [
          { txnNumber: { $exists: true } },
          {
            $expr: {
              $cond: [
                { $eq: [{ $type: id }, 'objectId'] },
                { $in: [{ $substrBytes: [{ $toString: id }, 22, 2] }, lastBytesOf(shard)] },
                true,
              ],
            },
          },
        ],
      },
    },
  ];
}
