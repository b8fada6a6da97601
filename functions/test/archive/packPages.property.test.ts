import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Firestore } from 'firebase-admin/firestore';
import {
  ArchiveRecordError,
  archiveRecordData,
  archiveRef,
  parseArchiveRecord,
  recordsOf,
} from '../../src/archive/archiveRecord.ts';
import { ArchivePageError, bytesPerPage, packPages, unpackPage } from '../../src/archive/packPages.ts';
import { maxOrdinal, versionOf } from '../../src/events/version.ts';

const about = {
  projectId: 'p1',
  version: versionOf({ seconds: 1_700_000_000, increment: 1 }, maxOrdinal),
  collection: 'storyboards',
  archivedAt: 1_700_000_001_000,
  expireAt: 1_702_592_001_000,
};

describe('the pages of the archive (property)', () => {
  const lines = fc.array(
    fc.record({ path: fc.constantFrom('a/1', 'a/2'), text: fc.base64String({ minLength: 1, maxLength: 600 }) }),
    { maxLength: 20 },
  );

  it('hold every line once, in order; a page is larger than allowed only where one line is', async () => {
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 60, max: 2_000 }), async (some, limit) => {
        const pages = await packPages(some, limit);
        const unpacked = await Promise.all(
          pages.map(({ pieces, checksum, paths }) => unpackPage(pieces, { checksum, count: paths.length })),
        );
        assert.deepEqual(
          unpacked.flat(),
          some.map(({ text }) => text),
        );
        for (const { pieces, paths } of pages) {
          assert.ok(pieces.every((piece) => piece.length <= limit));
          assert.ok(pieces.length === 1 || paths.length === 1);
        }
      }),
    );
  });

  it('come back from their records', async () => {
    const text = randomBytes(bytesPerPage).toString('base64');
    const [page] = await packPages([{ path: 'storyboards/s1', text }]);
    assert.ok(page);
    const records = recordsOf(page, about, 'g1');
    assert.equal(records.length, 2);
    const read = records.map((record) => parseArchiveRecord('syncArchive/x', archiveRecordData(record)));
    assert.deepEqual(read, records);
    const pieces = read.map(({ data }) => data ?? Buffer.alloc(0));
    assert.deepEqual(await unpackPage(pieces, { checksum: page.checksum, count: 1 }), [text]);
  });

  it('are refused when they are damaged', async () => {
    const [page] = await packPages([{ path: 'storyboards/s1', text: 'one' }]);
    assert.ok(page);
    const { checksum, pieces } = page;
    await assert.rejects(unpackPage(pieces, { checksum: 'another', count: 1 }), ArchivePageError);
    await assert.rejects(unpackPage(pieces, { checksum, count: 2 }), ArchivePageError);
    await assert.rejects(unpackPage([pieces[0].subarray(0, 10)], { checksum, count: 1 }), ArchivePageError);
  });

  it('repeat the paths only where these are short', async () => {
    const long = Array.from({ length: 200 }, (_, at) => ({ path: `a/${'x'.repeat(400)}${at}`, text: 'x' }));
    const [page] = await packPages(long);
    assert.ok(page);
    const [record] = recordsOf(page, about, 'g1');
    assert.equal(record?.documents, null);
    assert.equal(record.first, long[0]?.path);
    assert.equal(record.last, long.at(-1)?.path);
  });

  it('are not guessed at where a record is of another layout', () => {
    assert.throws(() => parseArchiveRecord('syncArchive/x', { schemaVersion: 2 }), ArchiveRecordError);
    const firestore = new Firestore({ projectId: 'demo-archive' });
    const about = { projectId: 'p', version: '6740a1b2000000030000', archivedAt: 1 };
    assert.equal(archiveRef(firestore, about, 'x').parent.id, 'syncArchive');
  });
});
