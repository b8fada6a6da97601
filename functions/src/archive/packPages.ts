import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

/** Compressed bytes of one page. A document of Firestore may have 1 MiB
 *  (https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields); the rest is for what the page
 *  says of itself. */
export const bytesPerPage = 900 * 1024;

/** A document on its way into a page. */
export interface Line {
  readonly path: string;
  /** As `encodeDocument` has made it. */
  readonly text: string;
}

/** Documents that are archived together. */
export interface PackedPage {
  /** In the order of the page. */
  readonly paths: readonly string[];
  /** Of the text before it is compressed: SHA-256, base64url. */
  readonly checksum: string;
  /** Of the text before it is compressed. */
  readonly bytes: number;
  /** The compressed text. Several pieces only where one document is too large for one: each is kept in a record of its
   *  own. */
  readonly pieces: readonly [Buffer, ...Buffer[]];
}

/** Packs documents into as few pages as a division in halves finds, in their order. */
export async function packPages(lines: readonly Line[], limit = bytesPerPage): Promise<readonly PackedPage[]> {
  if (lines.length === 0) return [];
  const raw = Buffer.from(lines.map(({ text }) => text).join('\n'));
  const compressed = await promisify(gzip)(raw);
  if (compressed.length > limit && lines.length > 1) {
    const middle = middleOf(lines);
    return [...(await packPages(lines.slice(0, middle), limit)), ...(await packPages(lines.slice(middle), limit))];
  }
  return [
    {
      paths: lines.map(({ path }) => path),
      checksum: checksumOf(raw),
      bytes: raw.length,
      pieces: cut(compressed, limit),
    },
  ];
}

/** The lines of a page, from all its pieces in their order.
 *  @throws ArchivePageError when they are not what was packed. */
export async function unpackPage(
  pieces: readonly Uint8Array[],
  { checksum, count }: { readonly checksum: string; readonly count: number },
): Promise<readonly string[]> {
  let raw: Buffer;
  try {
    raw = await promisify(gunzip)(Buffer.concat(pieces));
  } catch (error) {
    throw new ArchivePageError('its bytes cannot be decompressed', error);
  }
  if (checksumOf(raw) !== checksum) throw new ArchivePageError('its bytes do not have its checksum');
  const lines = raw.toString('utf8').split('\n');
  if (lines.length !== count) throw new ArchivePageError(`it says ${count} documents and holds ${lines.length}`);
  return lines;
}

/** A page of the archive whose contents are damaged. */
export class ArchivePageError extends Error {
  constructor(problem: string, cause?: unknown) {
    super(
      `a page of the archive cannot be unpacked (${problem}); it stays as it is; its documents are in a backup of the database, if there is one`,
      {
        cause,
      },
    );
    this.name = 'ArchivePageError';
  }
}

/** Where about half of the text is before, and at least one line on each side. */
function middleOf(lines: readonly Line[]): number {
  const half = lines.reduce((sum, { text }) => sum + text.length, 0) / 2;
  let before = 0;
  const found = lines.findIndex(({ text }) => {
    before += text.length;
    return before > half;
  });
  return Math.min(Math.max(found, 1), lines.length - 1);
}

function cut(bytes: Buffer, limit: number): [Buffer, ...Buffer[]] {
  const pieces: [Buffer, ...Buffer[]] = [bytes.subarray(0, limit)];
  for (let at = limit; at < bytes.length; at += limit) pieces.push(bytes.subarray(at, at + limit));
  return pieces;
}

function checksumOf(raw: Buffer): string {
  return createHash('sha256').update(raw).digest('base64url');
}
