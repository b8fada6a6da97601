import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Firestore } from 'firebase-admin/firestore';
import { startFirestoreServer } from '../../local/servers/firestore/server.ts';
import {
  ArchivedDocumentError,
  decodeDocument,
  encodeDocument,
  encodeSnapshot,
} from '../../src/archive/encodeDocument.ts';
import { anyData } from './documents.ts';

describe('the encoding of archived documents (property)', () => {
  const firestore = new Firestore({ projectId: 'demo-archive' });
  after(() => firestore.terminate());

  it('gives back every value that a document can have', () => {
    fc.assert(
      fc.property(anyData(firestore), (data) => {
        const line = encodeDocument({ path: 'storyboards/s1', data });
        assert.ok(!line.includes('\n'), 'a page separates documents by line breaks');
        assert.deepEqual(decodeDocument(firestore, line), { path: 'storyboards/s1', data });
      }),
    );
  });

  it('refuses a line that it has not written, by name', () => {
    for (const line of ['', '{}', '{"path":"a/b"}', '{"path":"a/b","data":{"x":{"$what":1}}}', '[1]']) {
      assert.throws(() => decodeDocument(firestore, line), ArchivedDocumentError);
    }
    const twoMarks = '{"path":"a/b","data":{"x":{"$integer":"1","$time":[1,2]}}}';
    assert.throws(() => decodeDocument(firestore, twoMarks), ArchivedDocumentError);
  });
});

describe('documents that are archived and created again (property)', () => {
  it('are the same in the database, integers beyond 2^53 included', async () => {
    const server = await startFirestoreServer({});
    const firestore = new Firestore({ projectId: 'demo-archive', host: server.host, ssl: false });
    const exact = new Firestore({ projectId: 'demo-archive', host: server.host, ssl: false, useBigInt: true });
    try {
      let number = 0;
      await fc.assert(
        fc.asyncProperty(anyData(firestore), async (data) => {
          number += 1;
          const path = `documents/d${number}`;
          await firestore.doc(path).create(data);
          const before = await exact.doc(path).get();
          const line = encodeSnapshot(await firestore.doc(path).get());
          await firestore.doc(path).delete();
          const decoded = decodeDocument(firestore, line);
          await firestore.doc(decoded.path).create(decoded.data);
          const now = await exact.doc(path).get();
          assert.deepEqual(encodeSnapshot(now), encodeSnapshot(before));
        }),
        { numRuns: 60 },
      );
    } finally {
      await Promise.all([firestore.terminate(), exact.terminate()]);
      await server.close();
    }
  });
});
