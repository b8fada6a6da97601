import { errorText } from '../log.ts';
import type { ProjectsSource } from '../source/connect.ts';
import { compareIdentity, readIdentity, type SourceIdentity, type SourceSighting } from '../source/identity.ts';
import { sourceErrorKind } from '../source/sourceErrors.ts';
import { endsInThisCluster } from './changeStream/open.ts';
import type { ReadPosition } from './outbox.ts';
import type { Reading } from './readStream.ts';

/** The place of the relay belongs to another collection or cluster than the one that is there now. */
export class SourceChangedError extends Error {
  constructor(was: SourceIdentity, is: SourceIdentity) {
    super(
      `MongoDB is another one than the place of the relay belongs to (it was ${named(was)}, it is ${named(is)}); nothing is published. ` +
        'If the new one is right, run `npm run relay -- --adopt`: the relay then starts from now and asks for a reconciliation. ' +
        'Otherwise correct MONGODB_URI',
    );
    this.name = 'SourceChangedError';
  }
}

/** Makes sure that the position belongs to the source that is there now. One that names no source yet (of the first
 *  release, or behind the end of a collection) takes on the one that is there.
 *  @throws SourceChangedError after an alarm; MongoError when MongoDB does not answer. */
export async function checkSource(source: ProjectsSource, reading: Reading): Promise<void> {
  const { context, health, window, position } = reading;
  const sighting = await readIdentity(source, context.limits.commandMs);
  if (sighting.time !== null) health.sourceClock(sighting.time);
  reading.awaitsCollection = sighting.collection === 'missing';
  if (sighting.collection === 'unknown') {
    context.log.warn('which collection this is cannot be told: the MongoDB user may not list collections');
  }
  if (position.source !== null && !(await isSame(source, position, position.source, sighting, reading))) {
    const { source: was } = position;
    const is = sighting.identity;
    context.log.alarm('source-changed', 'MongoDB is another one than the place belongs to; nothing is published', {
      was: named(was),
      is: named(is),
    });
    throw new SourceChangedError(was, is);
  }
  const known = knownOf(position.source, sighting);
  if (known.uuid === position.source?.uuid && known.replicaSet === position.source.replicaSet) return;
  reading.position = { ...position, source: known };
  window.pass(reading.position);
}

async function isSame(
  source: ProjectsSource,
  position: ReadPosition,
  before: SourceIdentity,
  sighting: SourceSighting,
  { context }: Reading,
): Promise<boolean> {
  const verdict = compareIdentity(before, sighting);
  if (verdict !== 'other-collection') return verdict === 'same';
  try {
    return await endsInThisCluster(source, position, context.limits);
  } catch (error) {
    if (sourceErrorKind(error) !== 'history-lost') throw error;
    context.log.warn('the end of the collection is not in the oplog', { error: errorText(error) });
    return false;
  }
}

/** What is known after a look. An old collection stays known until its end has been read. */
function knownOf(before: SourceIdentity | null, { identity }: SourceSighting): SourceIdentity {
  return {
    uuid: before?.uuid ?? identity.uuid,
    replicaSet: before?.replicaSet ?? identity.replicaSet,
  };
}

function named({ uuid, replicaSet }: SourceIdentity): string {
  return `collection ${uuid ?? 'unknown'} in replica set ${replicaSet ?? 'unknown'}`;
}
