/** Names in one record. A document may have 40,000 index entries of 8 MiB in all
 *  (https://firebase.google.com/docs/firestore/quotas#indexes): each name is one, with the document's path. */
const maxNames = 4_000;

/** Bytes of names in one record: far below the 1 MiB of a document. */
const maxBytes = 400_000;

/** Cuts names, in their order, into parts that fit a record each; the same names always into the same parts. */
export function packNames(names: readonly string[]): readonly (readonly string[])[] {
  const parts: string[][] = [];
  let bytes = 0;
  for (const name of names) {
    const size = Buffer.byteLength(name);
    const part = parts.at(-1);
    if (part === undefined || part.length === maxNames || bytes + size > maxBytes) {
      parts.push([name]);
      bytes = size;
    } else {
      part.push(name);
      bytes += size;
    }
  }
  return parts;
}
