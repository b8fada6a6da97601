import { Long } from 'bson';
import type { Document } from '../bson/values.ts';
import type { Batch, BatchSource } from '../cursors.ts';
import type { Operation, Reply } from '../operation.ts';
import { toTimestamp } from '../storage/clusterClock.ts';

/** So many documents are in a first batch unless the client says otherwise. */
const defaultFirstBatch = 101;

/** Answers with the first batch of a source, and keeps a cursor open if there is more. */
export async function openCursor(
  operation: Operation,
  namespace: string,
  source: BatchSource,
  options: { readonly batchSize: number | undefined; readonly singleBatch?: boolean; readonly changeStream?: boolean },
): Promise<Reply> {
  const { deployment, session, connection } = operation;
  const size = options.batchSize ?? defaultFirstBatch;
  const batch = await source.next({ size, maxTimeMs: 0, signal: operation.signal });
  const ended = batch.done || options.singleBatch === true;
  if (ended) source.close();
  const id = ended
    ? 0n
    : deployment.cursors.open({
        namespace,
        sessionKey: session?.key,
        user: connection.user,
        source,
        changeStream: options.changeStream === true,
      }).id;
  return cursorReply('firstBatch', id, namespace, {
    ...batch,
    fields: { ...batch.fields, ...snapshotFields(operation) },
  });
}

/** What a snapshot read outside of a transaction answers besides: the time that it saw. */
export const snapshotFields = ({ transaction, readTime }: Operation): Document =>
  readTime && !transaction ? { atClusterTime: toTimestamp(readTime) } : {};

export function cursorReply(name: 'firstBatch' | 'nextBatch', id: bigint, namespace: string, batch: Batch): Reply {
  const fields: Document = { id: Long.fromBigInt(id), ns: namespace, ...batch.fields };
  return { fields: {}, batch: { name, documents: batch.documents, fields } };
}
