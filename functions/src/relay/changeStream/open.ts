import { type ChangeStream, type Document, type MongoClient, Timestamp } from 'mongodb';
import { z } from 'zod';
import { secondMs } from '../../clock.ts';
import type { Config } from '../../config/defineConfig.ts';
import type { ClusterTime } from '../../events/version.ts';
import { type ProjectDocument, type ProjectsSource, SourceError } from '../../source/connect.ts';
import type { RelayLimits } from '../limits.ts';
import type { Checkpoint } from '../relayRecord.ts';
import { type Shard, wholeShard } from '../shards/shard.ts';
import { shardFilter } from '../shards/shardFilter.ts';
import { barePipeline, type ChangeDetail, changePipeline, endingPipeline } from './pipeline.ts';
import { clusterTimeOf } from './streamedChange.ts';

/** The stream of changes as the pipeline leaves them. */
export type ProjectStream = ChangeStream<ProjectDocument, Document>;

const helloSchema = z.looseObject({ operationTime: z.instanceof(Timestamp) });

/** The time of the newest operation that the server knows: a stream that starts there misses nothing that happens from
 *  now on.
 *  @throws SourceError when the server has no such time, as a standalone server; MongoError when it does not answer. */
export async function readOperationTime(client: MongoClient, timeoutMs?: number): Promise<ClusterTime> {
  const options = timeoutMs === undefined ? {} : { timeoutMS: timeoutMs };
  const hello = helloSchema.safeParse(await client.db('admin').command({ hello: 1 }, options));
  if (!hello.success) {
    throw new SourceError(
      'MongoDB has no operation time, so it has no change streams: it must be a replica set or a sharded cluster.',
    );
  }
  return clusterTimeOf(hello.data.operationTime);
}

/** Opens the stream at a place. Errors of MongoDB, also about the place, come with the first read. `startAfter` rather
 *  than `resumeAfter`, because only that may continue behind an `invalidate`. Pre- and post-images cost nothing where
 *  the collection does not keep them (MongoDB 6.0 or newer). For a shard it holds at least the shard's changes. */
export function openStream(
  source: ProjectsSource,
  config: Config['source'],
  at: Pick<Checkpoint, 'token' | 'startAt'>,
  limits: RelayLimits,
  detail: ChangeDetail = 'full',
  shard: Shard = wholeShard,
): ProjectStream {
  const images = detail === 'full' ? 'whenAvailable' : undefined;
  const stages = detail === 'full' ? changePipeline(config) : barePipeline(detail);
  return source.projects.watch<ProjectDocument, Document>(
    detail === 'none' ? stages : [...shardFilter(shard), ...stages],
    {
      ...startOf(at),
      ...(images && { fullDocument: images, fullDocumentBeforeChange: images }),
      batchSize: detail === 'full' ? limits.batchSize : 1,
      maxAwaitTimeMS: limits.maxAwaitMs,
    },
  );
}

/** Whether the stream at a place comes to an end of its collection (dropped, renamed away, its database dropped),
 *  before it has caught up.
 *  @throws MongoError, also when the place is gone. */
export async function endsInThisCluster(
  source: ProjectsSource,
  at: Pick<Checkpoint, 'token' | 'startAt'>,
  limits: RelayLimits,
): Promise<boolean> {
  const upTo = await readOperationTime(source.client, limits.commandMs);
  const stream = source.projects.watch(endingPipeline, {
    ...startOf(at),
    batchSize: 1,
    maxAwaitTimeMS: limits.maxAwaitMs,
  });
  try {
    return (await nextUpTo(stream, upTo)) !== null;
  } finally {
    await stream.close();
  }
}

/** The next of a stream; null when there is none up to a time. */
async function nextUpTo(
  stream: Pick<ProjectStream, 'tryNext' | 'closed' | 'resumeToken'>,
  upTo: ClusterTime,
): Promise<object | null> {
  for (;;) {
    const next: object | null = await stream.tryNext();
    if (next !== null || stream.closed || hasReached(stream.resumeToken, upTo)) return next;
  }
}

/** Whether MongoDB has looked through everything up to a time, as the token of an empty answer says. The router of a
 *  sharded cluster answers before its shards have, with the token that the stream began at: such an answer is no
 *  evidence. A token of another format says nothing, and is taken for a yes. */
export function hasReached(token: unknown, { seconds, increment }: ClusterTime): boolean {
  const time = clusterTimeOfToken(token);
  return time === null || time.seconds > seconds || (time.seconds === seconds && time.increment >= increment);
}

function startOf({ token, startAt }: Pick<Checkpoint, 'token' | 'startAt'>) {
  if (token !== null) return { startAfter: token };
  return startAt === null ? {} : { startAtOperationTime: new Timestamp({ t: startAt.seconds, i: startAt.increment }) };
}

/** The cluster time in a resume token, in ms since 1970; null for a token of another format. */
export function timeOfToken(token: unknown): number | null {
  const time = clusterTimeOfToken(token);
  return time === null ? null : time.seconds * secondMs;
}

/** A token is hex that sorts as the changes do: it begins with a byte for "timestamp", the seconds and the increment
 *  (https://github.com/mongodb/mongo/blob/master/src/mongo/db/pipeline/resume_token.h). */
function clusterTimeOfToken(token: unknown): ClusterTime | null {
  const text = typeof token === 'object' && token !== null && '_data' in token ? token._data : undefined;
  const [, seconds, increment] = (typeof text === 'string' && /^82([0-9a-f]{8})([0-9a-f]{8})/i.exec(text)) || [];
  if (seconds === undefined || increment === undefined) return null;
  return { seconds: Number.parseInt(seconds, 16), increment: Number.parseInt(increment, 16) };
}

/** How long MongoDB may hold back an empty answer to a probe, in ms: one that is alone answers at once, a router needs
 *  a moment for its shards. */
const probeAwaitMs = 20;

/** Makes sure that a stream can be opened at all, before a checkpoint is given up for lost.
 *  @throws MongoError when it cannot: then it is not the place to start at that is wrong. */
export async function probeStream(
  source: ProjectsSource,
  config: Config['source'],
  at: ClusterTime,
  limits: RelayLimits,
): Promise<void> {
  const stream = openStream(source, config, { token: null, startAt: at }, { ...limits, maxAwaitMs: probeAwaitMs });
  try {
    // Behind its beginning, every shard has had its say.
    await nextUpTo(stream, { ...at, increment: at.increment + 1 });
  } finally {
    await stream.close();
  }
}
