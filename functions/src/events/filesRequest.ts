import { z } from 'zod';
import type { EncodedMessage } from './codec.ts';

/** On the topic of reconciliation requests, what has files of deleted assets removed: all that are due by then. */
const filesRequestSchema = z.looseObject({ removeFiles: z.literal(true) });

export function encodeFilesRequest(): EncodedMessage {
  return { data: Buffer.from(JSON.stringify({ removeFiles: true })), attributes: { reason: 'files' } };
}

/** Whether a message on the topic of reconciliation requests asks for that. */
export function asksForFiles(data: Buffer): boolean {
  try {
    return filesRequestSchema.safeParse(JSON.parse(data.toString('utf8'))).success;
  } catch {
    // Not JSON: whoever reads it as a request for a reconciliation reports it.
    return false;
  }
}
