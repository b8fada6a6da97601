import { z } from 'zod';
import type { EncodedMessage } from './codec.ts';

/** On the topic of reconciliation requests, what has work on the archive done: it says only which job, and what the job
 *  says counts. */
const archiveRequestSchema = z.looseObject({ archiveJob: z.string().min(1) });

/** Names no record: the sweep of what is at the end of its retention, or old enough for cold storage. */
export const retentionJob = 'retention';

export function encodeArchiveRequest(jobId: string): EncodedMessage {
  return {
    data: Buffer.from(JSON.stringify({ archiveJob: jobId })),
    attributes: { archiveJob: jobId },
  };
}

/** The job that a message on the topic of reconciliation requests names; undefined when it asks for something else. */
export function archiveJobIn(data: Buffer): string | undefined {
  try {
    return archiveRequestSchema.safeParse(JSON.parse(data.toString('utf8'))).data?.archiveJob;
  } catch {
    // Not JSON: whoever reads it as a request for a reconciliation reports it.
    return undefined;
  }
}
