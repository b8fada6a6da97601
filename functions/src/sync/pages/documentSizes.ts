/** How many documents a page may read with what is in them: Firestore limits a query by their number only, so the sizes
 *  of those before say how many that are. */
export interface DocumentSizes {
  /** Documents of a collection that a page may read. */
  limit(collection: string): number;
  /** Bytes that one is expected to have; undefined before a page has read some. */
  expected(collection: string): number | undefined;
  /** Takes account of what a page has read, `bytes` in all. */
  observe(collection: string, documents: number, bytes: number): void;
}

/** What is read of documents. */
export interface Reading {
  /** Bytes of a page. */
  readonly bytes: number;
  /** Documents of unknown size that a page reads; each has up to 1 MiB. */
  readonly first: number;
  readonly most: number;
  /** The expected size falls to no smaller share at a page. */
  readonly fallsTo: number;
}

/** A page with more whole documents is hardly cheaper, and reads much where large ones follow on small ones; they may
 *  also lie between small ones. */
export const wholeDocuments: Reading = { bytes: 2 * 1024 * 1024, first: 32, most: 128, fallsTo: 1 / 4 };

/** The sizes in one run of work. */
export function createDocumentSizes({ bytes: wanted, first, most, fallsTo }: Reading): DocumentSizes {
  const expected = new Map<string, number>();
  const expectedBytes = (collection: string) => expected.get(collection) ?? wanted / first;
  return {
    limit: (collection) => Math.max(1, Math.min(most, Math.floor(wanted / expectedBytes(collection)))),
    expected: (collection) => expected.get(collection),
    observe(collection, documents, bytes) {
      if (documents === 0) return;
      expected.set(collection, Math.max(bytes / documents, expectedBytes(collection) * fallsTo));
    },
  };
}
