// Attacks I5 where a path has wildcards: Firestore can only be asked for the whole collection group, and documents of
// the group that the pattern does not match are nobody's assets.
import assert from 'node:assert/strict';
import { FieldPath } from 'firebase-admin/firestore';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { namingAsset } from '../../src/deadLetters/namedAsset.ts';
import { assetsPerPage } from '../../src/sync/pages/pageSize.ts';
import { event, type SyncFixture, startSyncFixture } from './worker.fixture.ts';

const asset = { projectId: 'projectId', copies: { name: 'projectName' } };

for (const subcollections of ['none', 'recursive'] as const) {
  describe(`assets of tenants/{tenantId}/storyboards, subcollections: ${subcollections}`, () => {
    let fixture: SyncFixture;
    beforeEach(async () => {
      const config = defineConfig({
        source: { database: 'd', collection: 'projects', fields: ['name'] },
        collections: [{ path: 'tenants/{tenantId}/storyboards', ...asset, subcollections }],
      });
      fixture = await startSyncFixture({ config });
    });
    afterEach(() => fixture.close());

    const others = {
      'storyboards/top': { projectId: 'a', projectName: 'old' },
      'studios/t1/storyboards/elsewhere': { projectId: 'a', projectName: 'old' },
      'tenants/t1/storyboards/s1/storyboards/below': { projectId: 'b', projectName: 'old' },
      'tenants/t1/teams/x/storyboards/deeper': { projectId: 'a', projectName: 'old' },
      'zoo/z/storyboards/behind': { projectId: 'a', projectName: 'old' },
    };

    async function put(documents: Readonly<Record<string, Record<string, unknown>>>): Promise<void> {
      const writer = fixture.firestore.bulkWriter({ throttling: false });
      for (const [path, data] of Object.entries(documents)) void writer.set(fixture.firestore.doc(path), data);
      await writer.close();
    }

    async function contents(): Promise<Record<string, unknown>> {
      const all = await fixture.firestore.collectionGroup('').orderBy(FieldPath.documentId()).get();
      const assets = all.docs.filter(({ ref }) => !ref.path.startsWith('sync'));
      return Object.fromEntries(assets.map((document) => [document.ref.path, document.data()]));
    }

    it('get the new name, and documents of the group elsewhere stay as they are', async () => {
      await put({
        ...others,
        'tenants/t1/storyboards/s1': { projectId: 'a', projectName: 'old' },
        'tenants/t2/storyboards/s2': { projectId: 'a', projectName: 'old' },
        'tenants/t2/storyboards/s3': { projectId: 'b', projectName: 'other' },
      });
      await fixture.deliver(event('ProjectUpdated', 'a', { name: 'new' }));
      assert.deepEqual(await contents(), {
        ...others,
        'tenants/t1/storyboards/s1': { projectId: 'a', projectName: 'new' },
        'tenants/t2/storyboards/s2': { projectId: 'a', projectName: 'new' },
        'tenants/t2/storyboards/s3': { projectId: 'b', projectName: 'other' },
      });
    });

    it('go with their project, also behind a page of documents that are none', async () => {
      const many = Array.from({ length: assetsPerPage + 50 }, (_, index) => [
        `storyboards/s${String(index).padStart(4, '0')}`,
        { projectId: 'a' },
      ]);
      const stay = { ...others, ...Object.fromEntries(many) };
      await put({
        ...stay,
        'tenants/t1/storyboards/s1': { projectId: 'a' },
        'tenants/t2/storyboards/s2': { projectId: 'a' },
      });
      await fixture.deliver(event('ProjectDeleted', 'a'));
      assert.deepEqual(Object.keys(await contents()), Object.keys(stay).toSorted());
      const record = await fixture.record('a');
      assert.equal(record.appliedRevision, record.revision);
    });

    it('are found by their path when a letter about one of them is redriven, and no other document is', async () => {
      await put({ ...others, 'tenants/t1/storyboards/s1': { projectId: 'a', projectName: 'old' } });
      const rename = event('ProjectUpdated', 'a', { name: 'new' });
      await fixture.deliver(rename);
      await put({ 'tenants/t1/storyboards/s1': { projectId: 'a', projectName: 'old' } });
      const { encodeEvent } = await import('../../src/events/codec.ts');
      const message = encodeEvent(rename);
      for (const path of ['tenants/t1/storyboards/s1', 'storyboards/top']) {
        await fixture.deliverMessage({ ...message, attributes: { ...message.attributes, ...namingAsset(path) } });
      }
      const { 'tenants/t1/storyboards/s1': found, 'storyboards/top': other } = await contents();
      assert.deepEqual([found, other], [{ projectId: 'a', projectName: 'new' }, others['storyboards/top']]);
    });
  });
}
