// Attacks: "a late write is found at once" and "a file that an asset names stays", whatever characters the id of the
// asset has.
import assert from 'node:assert/strict';
import { toDocumentEvent } from '../../local/runtime/child/cloudEvent.ts';
import { messageOf } from '../../local/runtime/documentTriggers.ts';
import type { DocumentEvent } from '../../local/servers/firestore/triggers/documentEvent.ts';
import { minuteMs } from '../../src/clock.ts';
import { defineConfig, recordCollections } from '../../src/config/defineConfig.ts';
import { watchedDocuments } from '../../src/config/watched.ts';
import { decodeEvent } from '../../src/events/codec.ts';
import { versionOf } from '../../src/events/version.ts';
import { emptyProjectRecord, projectRecordData, projectRecordRef } from '../../src/records/projectRecord.ts';
import { watchAssetsFunctions } from '../../src/triggers/watchAssets.ts';
import { setVariables } from '../support/variables.ts';
import { type ServicesFixture, startFunctionsTest, startServices } from './services.fixture.ts';

const config = defineConfig({
  source: { database: 'collaboration', collection: 'projects', fields: ['name'] },
  collections: [{ path: 'media', projectId: 'projectId', guard: true, files: ['image'] }],
});

describe('the function that watches assets', () => {
  let fixture: ServicesFixture;
  let offline: ReturnType<typeof startFunctionsTest>;
  let restoreVariables: () => void;
  let stopWatching: () => void;
  const events: DocumentEvent[] = [];

  before(async function () {
    this.timeout(60_000);
    offline = startFunctionsTest();
    fixture = await startServices();
    restoreVariables = setVariables({ FILES_BUCKET: 'files', FILES_PREFIX: 'media/', FILES_GRACE_MINUTES: '60' });
    const [collection] = config.collections;
    assert.ok(collection);
    const database = 'projects/demo-test/databases/(default)';
    const trigger = { database, document: watchedDocuments(collection), kind: 'written' } as const;
    stopWatching = fixture.firestoreServer.events.watch(trigger, (event) => events.push(event));
  });
  after(async () => {
    stopWatching();
    restoreVariables();
    await fixture.close();
    offline.cleanup();
  });

  /** Calls the function with all that has happened, as its platform does. */
  async function deliver(): Promise<void> {
    const { media } = watchAssetsFunctions({ ...fixture.services, config });
    assert.ok(media);
    for (const event of events.splice(0)) {
      const { attributes, data } = messageOf(event);
      const message = { messageId: '1', publishTime: '', data: data.toString('base64'), attributes };
      await Reflect.apply(media, undefined, [toDocumentEvent({ message, subscription: 's' })]);
    }
  }

  const ids = ['plain', 'Übersicht', '中餐', 'emoji-🎬', 'with space', '100%25'];

  for (const id of ids) {
    it(`finds the late write of an asset with the id ${id}`, async () => {
      const { firestore, source } = fixture;
      const projectId = `gone-${ids.indexOf(id)}`;
      const anHourAgo = versionOf({ seconds: Math.floor((Date.now() - 60 * minuteMs) / 1000), increment: 1 }, 0);
      const desired = { kind: 'deleted', version: anHourAgo, deletedVersion: anHourAgo, fields: {} } as const;
      const record = projectRecordData({ ...emptyProjectRecord(projectId), desired });
      await projectRecordRef(firestore, projectId).set(record);
      const asset = firestore.collection('media').doc(id);
      await asset.set({ projectId });
      // The time of an idle MongoDB goes on every few seconds only.
      await source.projects.insertOne({ _id: `later-${projectId}`, name: 'later' });
      await deliver();
      const { messages } = fixture.topic('project-deletions');
      const found = messages.splice(0).map(({ data }) => {
        const decoded = decodeEvent(data);
        assert.ok(decoded.ok);
        return [decoded.event.projectId, decoded.event.origin.reason];
      });
      assert.deepEqual(found, [[projectId, `late write of media/${id}`]]);
      await asset.delete();
      await deliver();
    });

    it(`records which files an asset with the id ${id} names, and forgets them with it`, async () => {
      const records = fixture.firestore.collection(recordCollections.files);
      const recorded = async () =>
        (await records.get()).docs.map((record) => [record.get('holder'), record.get('names')]);
      const asset = fixture.firestore.collection('media').doc(id);
      await asset.set({ image: 'media/named' });
      await deliver();
      assert.deepEqual(await recorded(), [[`media/${id}`, ['media/named']]]);
      await asset.delete();
      await deliver();
      assert.deepEqual(await recorded(), []);
    });
  }
});
