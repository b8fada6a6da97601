import { Int32 } from 'bson';
import { encode } from '../bson/codec.ts';
import type { Document } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import { maxDocumentBytes } from '../topology.ts';

/** The largest document that a server makes itself, in bytes: a stored one and some room for what is put around it. */
const maxInternalBytes = maxDocumentBytes + 16 * 1024;

/** The largest fragment of an event, in bytes: a reply has its own fields too. */
const maxFragmentBytes = maxInternalBytes - 8 * 1024;

/** Throws 10334 (BSONObjectTooLarge) for an event that no document can hold. */
export function requireSendable(event: Uint8Array): Uint8Array {
  if (event.length <= maxInternalBytes) return event;
  throw new CommandError(10334, `BSONObj size: ${event.length} is invalid, the limit is ${maxInternalBytes}`);
}

/** Splits an event that no document can hold: small fields first, each fragment as full as can be. Else `undefined`. */
export function splitEvent(
  event: Document,
  bytes: number,
  tokenOf: (fragment: number) => Document,
): Document[] | undefined {
  if (bytes <= maxFragmentBytes) return undefined;
  const limit = maxFragmentBytes - encode(tokenOf(0)).length;
  const fields = Object.entries(event)
    .filter(([name]) => name !== '_id')
    .map(([name, value]) => ({ name, value, bytes: encode({ [name]: value }).length }))
    .sort((a, b) => a.bytes - b.bytes || (a.name < b.name ? -1 : 1));
  const fragments: { head: Document; fields: Document; bytes: number }[] = [];
  for (const field of fields) {
    let last = fragments.at(-1);
    if (!last || last.bytes + field.bytes > limit) {
      const head = { _id: tokenOf(fragments.length), splitEvent: { fragment: new Int32(fragments.length + 1) } };
      last = { head, fields: {}, bytes: encode(head).length };
      fragments.push(last);
    }
    last.fields[field.name] = field.value;
    last.bytes += field.bytes;
    if (last.bytes > limit)
      throw new CommandError(7182500, `Splitting change event failed: a fragment of ${last.bytes} bytes`);
  }
  const of = new Int32(fragments.length);
  return fragments.map(({ head, fields: own }, index) => ({
    ...head,
    splitEvent: { fragment: new Int32(index + 1), of },
    ...own,
  }));
}
