import { z } from 'zod';
import type { Upload } from './objects.ts';
import { invalid, unsupported } from './refusal.ts';

/** What a client may say of an object that it uploads; anything else is refused by its name. */
const metadataSchema = z.strictObject({
  name: z.string().optional(),
  contentType: z.string().optional(),
  md5Hash: z.string().optional(),
  crc32c: z.string().optional(),
});

const endOfHead = Buffer.from('\r\n\r\n');

/** Reads the body of a multipart upload, which is metadata in JSON and then the data
 *  (https://cloud.google.com/storage/docs/json_api/v1/objects/insert).
 *  @throws Refusal */
export function readMultipart(contentType: string, body: Buffer, nameInQuery: string | null): Upload {
  const boundary = /^multipart\/related;.*boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) throw invalid(`a multipart upload of type ${contentType}`);
  const [metadataPart, dataPart] = partsOf(body, boundary);
  if (metadataPart === undefined || dataPart === undefined) throw invalid('a multipart upload has two parts');
  const parsed = metadataSchema.safeParse(JSON.parse(metadataPart.data.toString('utf8')));
  if (!parsed.success) throw unsupported(`metadata of an object: ${z.prettifyError(parsed.error)}`);
  const { name = nameInQuery, contentType: type = dataPart.contentType, md5Hash, crc32c } = parsed.data;
  if (name === null) throw invalid('Required parameter: name');
  return { name, data: dataPart.data, contentType: type, md5Hash, crc32c };
}

function partsOf(body: Buffer, boundary: string) {
  const line = Buffer.from(`--${boundary}`);
  const parts: { contentType: string; data: Buffer }[] = [];
  let from = body.indexOf(line);
  for (;;) {
    const head = from + line.length;
    const next = body.indexOf(Buffer.concat([Buffer.from('\r\n'), line]), head);
    if (from < 0 || next < 0) return parts;
    const data = body.indexOf(endOfHead, head);
    if (data < 0 || data > next) throw invalid('a part of a multipart upload has no head');
    const contentType = /content-type: *([^\r\n]+)/i.exec(body.toString('latin1', head, data))?.[1];
    parts.push({
      contentType: contentType ?? 'application/octet-stream',
      data: Buffer.from(body.subarray(data + endOfHead.length, next)),
    });
    from = next + 2;
  }
}
