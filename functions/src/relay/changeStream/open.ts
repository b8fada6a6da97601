import { type ChangeStream, type Document, type MongoClient, Timestamp } from 'mongodb';
import { z } from 'zod';
import type { Config } from '../../config/defineConfig.ts';
import type { ClusterTime } from '../../events/version.ts';
import { type ProjectDocument, type ProjectsSource, SourceError } from '../../source/connect.ts';
import type { RelayLimits } from '../limits.ts';
import type { Checkpoint } from '../relayRecord.ts';
import { changePipeline } from './pipeline.ts';
import { clusterTimeOf } from './streamedChange.ts';

/** The stream of changes as the pipeline leaves them. */
export type ProjectStream = ChangeStream<ProjectDocument, Document>;

const helloSchema = z.looseObject({ operationTime: z.instanceof(Timestamp) });

/** The time of the newest operation that the server knows: a stream that starts there misses nothing that happens from now on.
 *  @throws SourceError when the server has no such time, as a standalone server; MongoError when it does not answer. */
export async function readOperationTime(client: MongoClient): Promise<ClusterTime> {
  const hello = helloSchema.safeParse(await client.db('admin').command({ hello: 1 }));
  if (!hello.success) {
    throw new SourceError(
      'MongoDB tells no operation time, so it has no change streams: it must be a replica set or a sharded cluster.',
    );
  }
  return clusterTimeOf(hello.data.operationTime);
}

/** Opens the stream at a checkpoint. Errors of MongoDB, also about the place to start at, come with the first read.
 *  `startAfter` rather than `resumeAfter`, because only that may continue behind an `invalidate`. Pre- and post-images cost nothing where the
 *  collection does not keep them (MongoDB 6.0 or newer). */
export function openStream(
  source: ProjectsSource,
  config: Config['source'],
  at: Pick<Checkpoint, 'token' | 'startAt'>,
  limits: RelayLimits,
): ProjectStream {
  return source.projects.watch<ProjectDocument, Document>(changePipeline(config), {
    ...(at.token !== null
      ? { startAfter: at.token }
      : at.startAt !== null
        ? { startAtOperationTime: new Timestamp({ t: at.startAt.seconds, i: at.startAt.increment }) }
        : {}),
    fullDocument: 'whenAvailable',
    fullDocumentBeforeChange: 'whenAvailable',
    batchSize: limits.batchSize,
    maxAwaitTimeMS: limits.maxAwaitMs,
  });
}

/** Makes sure that a stream can be opened at all, before a checkpoint is given up for lost.
 *  @throws MongoError when it cannot: then it is not the place to start at that is wrong. */
export async function probeStream(
  source: ProjectsSource,
  config: Config['source'],
  at: ClusterTime,
  limits: RelayLimits,
): Promise<void> {
  const probeAwaitMs = 1;
  const stream = openStream(source, config, { token: null, startAt: at }, { ...limits, maxAwaitMs: probeAwaitMs });
  try {
    await stream.tryNext();
  } finally {
    await stream.close();
  }
}
