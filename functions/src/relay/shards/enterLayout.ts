import type { Firestore } from 'firebase-admin/firestore';
import type { MongoClient } from 'mongodb';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/defineConfig.ts';
import type { Log } from '../../log.ts';
import { readOperationTime } from '../changeStream/open.ts';
import type { Taking } from '../lease.ts';
import type { RelayLimits } from '../limits.ts';
import { hasPlace, relayout } from './layout.ts';
import { rewriteRecords } from './rewriteRecords.ts';

type Taken = Extract<Taking, { kind: 'taken' }>;

interface Entering {
  readonly firestore: Firestore;
  readonly client: MongoClient;
  readonly source: Config['source'];
  readonly clock: Clock;
  readonly limits: Pick<RelayLimits, 'commandMs'>;
  readonly log: Log;
}

/** Makes the records those of `of` shards, where they are others or one is missing. Only for the relay that holds the
 *  lease of the first shard: so there is one who decides, whatever the others were told. Without shards it costs
 *  nothing, with them a read for each further one.
 *  @throws RelayRecordError; what MongoDB or Firestore answer. */
export async function enterLayout(
  { firestore, client, source, clock, limits, log }: Entering,
  taken: Taken,
  of: number,
): ReturnType<typeof rewriteRecords> {
  const { record } = taken;
  if (of === 1 && record.shards === 1) return taken;
  const startAt = hasPlace(record) ? null : await readOperationTime(client, limits.commandMs);
  const place = { token: null, startAt, last: null, source: null };
  const entered = await rewriteRecords({ firestore, source }, taken, of, (records) => {
    const isThere = records.length === of && records.every((one) => one !== null);
    return isThere ? null : relayout(records, of, { at: clock.now(), place });
  });
  if (entered.kind === 'taken' && entered.record.shards !== record.shards) {
    log.info('the relay has another number of shards', { before: record.shards, shards: of });
  }
  return entered;
}
