import type { Config } from '../../config/defineConfig.ts';
import { documentIdFrom } from '../../records/documentIds.ts';

/** The id of the relay's record of a source, and from the second shard on of the shard's. No name of a collection leads
 *  to a `$`, so no two sources share one. */
export function relayRecordId({ database, collection }: Pick<Config['source'], 'database' | 'collection'>, shard = 1) {
  const whole = documentIdFrom(`${database}.${collection}`);
  return shard === 1 ? whole : `${whole}$${shard}`;
}
