import { createHash } from 'node:crypto';

/** A weak validator of an answer's content: https://www.rfc-editor.org/rfc/rfc9110#name-etag */
export function entityTagOf(content: string): string {
  return `W/"${createHash('sha256').update(content).digest('base64url').slice(0, 27)}"`;
}

/** Whether a caller that sent `If-None-Match` has this content already
 *  (https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match: a weak comparison). */
export function isKnown(ifNoneMatch: string | null, tag: string): boolean {
  if (ifNoneMatch === null) return false;
  const opaque = (text: string) => text.trim().replace(/^W\//, '');
  return ifNoneMatch.split(',').some((known) => known.trim() === '*' || opaque(known) === opaque(tag));
}
