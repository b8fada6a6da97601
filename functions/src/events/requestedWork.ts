import { z } from 'zod';
import type { EncodedMessage } from './codec.ts';

/** What else than a reconciliation a message on the topic of reconciliation requests may ask for. */
export type RequestedWork =
  /** A job of the archive: the message says only which, and what the job says counts. */
  | { readonly kind: 'archive'; readonly jobId: string }
  /** The removal of files of deleted assets: of all that are due by then. */
  | { readonly kind: 'files' };

/** Names no record: the sweep of what is at the end of its retention, or old enough for cold storage. */
export const retentionJob = 'retention';

export function encodeArchiveRequest(jobId: string): EncodedMessage {
  return { data: Buffer.from(JSON.stringify({ archiveJob: jobId })), attributes: { archiveJob: jobId } };
}

export function encodeFilesRequest(): EncodedMessage {
  return { data: Buffer.from(JSON.stringify({ removeFiles: true })), attributes: { reason: 'files' } };
}

const requestSchema = z.union([
  z
    .looseObject({ archiveJob: z.string().min(1) })
    .transform(({ archiveJob }): RequestedWork => ({ kind: 'archive', jobId: archiveJob })),
  z.looseObject({ removeFiles: z.literal(true) }).transform((): RequestedWork => ({ kind: 'files' })),
]);

/** What a message asks for; undefined when it is a request for a reconciliation, or no request. */
export function requestedWork(data: Buffer): RequestedWork | undefined {
  try {
    return requestSchema.safeParse(JSON.parse(data.toString('utf8'))).data;
  } catch {
    // Not JSON: whoever reads it as a request for a reconciliation reports it.
    return undefined;
  }
}
