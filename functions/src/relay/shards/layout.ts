import { clusterTimeAt, placeTime } from '../place.ts';
import type { Checkpoint, RelayRecord } from '../relayRecord.ts';

/** Whether the relay of a record has ever had a place in the stream. */
export function hasPlace({ checkpoint: { token, startAt } }: Pick<RelayRecord, 'checkpoint'>): boolean {
  return token !== null || startAt !== null;
}

/** The place from which all that the relays of these records have not published is read: the oldest of theirs. Places
 *  of several are compared by their time, which has whole seconds, so it is the beginning of a second; what was
 *  published of it is published again, with the same versions.
 *  @throws Error when a place cannot be compared. */
export function oldestOf(records: readonly RelayRecord[]): Checkpoint {
  const [first, ...more] = records;
  if (first === undefined) throw new Error('there is no record of a relay to take the oldest place of');
  if (more.length === 0) return first.checkpoint;
  const places = records.map(({ checkpoint }) => {
    const at = placeTime({ checkpoint });
    if (at === null) {
      throw new Error(
        'the place of a shard is a resume token of an unknown format, and no change was read there yet: ' +
          'keep RELAY_SHARDS as it was until there was one, or adopt the source',
      );
    }
    return { at, source: checkpoint.source };
  });
  const oldest = places.reduce((before, place) => (place.at < before.at ? place : before));
  return { token: null, startAt: clusterTimeAt(oldest.at), last: null, source: oldest.source };
}

/** The records of `of` shards, in place of those that there are (null: it was removed): all begin at the oldest place,
 *  so nothing is lost, whichever shard a project was in. What somebody asked of one of them is asked of the new ones.
 *  Only `lease` of the first is kept; the others are free, and whoever held one has lost it.
 *  @param now where to begin when none of them has ever had a place. */
export function relayout(
  records: readonly (RelayRecord | null)[],
  of: number,
  now: { readonly at: number; readonly place: Checkpoint },
): readonly RelayRecord[] {
  const known = records.filter((record) => record !== null);
  const started = known.filter(hasPlace);
  const checkpoint = started.length === 0 ? now.place : oldestOf(started);
  const at = placeTime({ checkpoint });
  // From the oldest place on, a rewind of a shard that had come further may lead forwards: what it wants is read
  // anyway.
  const rewinds = known.flatMap(({ rewind }) => (rewind !== null && (at === null || rewind.to < at) ? rewind : []));
  // A shard without a place may have missed anything.
  const missed = started.length < records.length ? { reason: 'first-start' as const, at: now.at } : null;
  const pending = known.find(({ reconciliationPending }) => reconciliationPending !== null)?.reconciliationPending;
  const lease = { holder: null, fencing: 0, expiresAt: 0 };
  return Array.from({ length: of }, (_, index) => ({
    checkpoint,
    checkpointAt: now.at,
    lease: (index === 0 ? records[0]?.lease : undefined) ?? lease,
    // One that compares all projects is enough.
    reconciliationPending: index === 0 ? (pending ?? missed) : null,
    runsWithoutProgress: 0,
    rewind: rewinds.reduce<RelayRecord['rewind']>((least, one) => (least && least.to <= one.to ? least : one), null),
    shards: of,
    status: null,
  }));
}
