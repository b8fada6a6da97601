import { type DocumentData, FieldPath, type Firestore } from 'firebase-admin/firestore';
import { type ArchiveRecord, parseArchiveRecord } from '../../../src/archive/archiveRecord.ts';
import { decodeDocument } from '../../../src/archive/encodeDocument.ts';
import { unpackPage } from '../../../src/archive/packPages.ts';
import { errorText } from '../../../src/log.ts';
import type { Violation } from '../world.ts';

/** Counts what clients have put into archived collections: after every commit each document is at its place or in one
 *  page of the archive (I13), unless a client has deleted it. */
export interface ArchiveWatch {
  /** A client has put documents there. */
  seeded(paths: readonly string[]): void;
  /** A client is about to delete documents. */
  removed(paths: readonly string[]): void;
  /** Looks for every document, at one moment. */
  check(): Promise<void>;
  /** Pages that the checks have seen. */
  pages(): number;
  violations(): readonly Violation[];
}

export function createArchiveWatch(firestore: Firestore): ArchiveWatch {
  const expected = new Set<string>();
  const found: Violation[] = [];
  /** Id of the first record of a page -> the documents in it. */
  const pages = new Map<string, ReadonlyMap<string, DocumentData>>();

  function report(what: string, detail: string): void {
    if (!found.some((violation) => violation.detail === detail)) found.push({ what, detail });
  }

  async function contentsOf(records: ReadonlyMap<string, ArchiveRecord>): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const [group, parts] of Map.groupBy(records, ([id, { part }]) => part?.group ?? id)) {
      const page = pages.get(group) ?? (await open(parts.map(([, record]) => record)));
      pages.set(group, page);
      for (const path of page.keys()) counts.set(path, (counts.get(path) ?? 0) + 1);
    }
    return counts;
  }

  async function open(parts: readonly ArchiveRecord[]): Promise<ReadonlyMap<string, DocumentData>> {
    const ordered = parts.toSorted((a, b) => (a.part?.index ?? 0) - (b.part?.index ?? 0));
    const [first] = ordered;
    if (first === undefined) return new Map();
    const pieces = ordered.map(({ data }) => data ?? Buffer.alloc(0));
    const lines = await unpackPage(pieces, first);
    return new Map(lines.map((line) => decodeDocument(firestore, line)).map(({ path, data }) => [path, data]));
  }

  return {
    seeded: (paths) => paths.forEach((path) => void expected.add(path)),
    removed: (paths) => paths.forEach((path) => void expected.delete(path)),
    async check() {
      try {
        await compare();
      } catch (error) {
        report('a page of the archive cannot be read', errorText(error));
      }
    },
    pages: () => pages.size,
    violations: () => found,
  };

  async function compare(): Promise<void> {
    // One query: what is read was so at one moment.
    const { docs } = await firestore.collectionGroup('').orderBy(FieldPath.documentId()).get();
    const places = new Set(docs.map(({ ref }) => ref.path));
    const records = docs
      .filter(({ ref }) => ref.parent.path === 'syncArchive')
      .map((document) => [document.id, parseArchiveRecord(document.ref.path, document.data())] as const);
    const archived = await contentsOf(new Map(records));
    for (const path of expected) {
      if (!places.has(path) && !archived.has(path)) report('asset neither at its place nor in the archive', path);
    }
    for (const [path, times] of archived) {
      if (places.has(path)) report('asset in two places', `${path} is at its place and in the archive`);
      if (times > 1) report('asset in two places', `${path} is ${times} times in the archive`);
    }
  }
}
