/** How many whole documents a page may read: Firestore limits a query by their number only, so the sizes of those
 *  before say how many that are. */
export interface DocumentSizes {
  /** Documents of a collection that a page may read. */
  limit(collection: string): number;
  /** Whether a page has read some before. */
  isKnown(collection: string): boolean;
  /** Takes account of what a page has read, `bytes` in all. */
  observe(collection: string, documents: number, bytes: number): void;
}

/** Bytes that a page reads: in memory several times over (as received, as read, as text, compressed), for each of up
 *  to 16 pages in flight. */
const wantedBytes = 2 * 1024 * 1024;

/** Documents of unknown size that a page reads: 32 MiB at most, since a document has up to 1 MiB. */
const firstDocuments = 32;

/** A page with more of them is hardly cheaper, and reads much where large documents follow on small ones. */
const mostDocuments = 128;

/** The expected size falls by no more at a page: large documents may lie between small ones. */
const fallsTo = 1 / 4;

/** The sizes in one run of work. */
export function createDocumentSizes(): DocumentSizes {
  const expected = new Map<string, number>();
  const expectedBytes = (collection: string) => expected.get(collection) ?? wantedBytes / firstDocuments;
  return {
    limit: (collection) => Math.max(1, Math.min(mostDocuments, Math.floor(wantedBytes / expectedBytes(collection)))),
    isKnown: (collection) => expected.has(collection),
    observe(collection, documents, bytes) {
      if (documents === 0) return;
      expected.set(collection, Math.max(bytes / documents, expectedBytes(collection) * fallsTo));
    },
  };
}
