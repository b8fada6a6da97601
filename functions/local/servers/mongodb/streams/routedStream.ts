import type { Batch, BatchSource } from '../cursors.ts';
import { encodeToken } from './resumeToken.ts';
import type { StreamOptions } from './streamOptions.ts';

/** How many answers a client gets before those of the shards: the opening, which waits for none, and one `getMore`
 *  whose time was up. */
const earlyAnswers = 2;

/** A stream as `mongos` serves it: the first answers say nothing yet, and their token is the place that it began at;
 *  what a shard refuses comes later, too. */
export function openRoutedStream({ start }: StreamOptions, open: () => BatchSource): BatchSource {
  if (start.kind === 'now') return open();
  const token = encodeToken(start.kind === 'time' ? { kind: 'mark', time: start.time } : start.point);
  const early: Batch = { documents: [], done: false, fields: { postBatchResumeToken: token } };
  let answers = 0;
  let stream: BatchSource | undefined;
  return {
    next(request) {
      answers += 1;
      if (answers <= earlyAnswers) return early;
      stream ??= open();
      return stream.next(request);
    },
    close: (reason) => stream?.close(reason),
  };
}
