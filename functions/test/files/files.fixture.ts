import type { Firestore } from 'firebase-admin/firestore';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { createIndexArchive } from '../../src/archive/indexPages.ts';
import { minuteMs } from '../../src/clock.ts';
import { type Config, defineConfig } from '../../src/config/defineConfig.ts';
import { createControlReader } from '../../src/control/control.ts';
import { completeIndex } from '../../src/files/completeIndex.ts';
import type { FileSettings } from '../../src/files/fileSettings.ts';
import { type RemovedFiles, removeDueFiles } from '../../src/files/removeDueFiles.ts';
import { type SteppedClock, steppedClock } from '../support/clock.ts';
import { type RecordedLog, recordedLog } from '../support/log.ts';
import { connect } from '../sync/worker.fixture.ts';
import { type FakeBucket, fakeBucket } from './fakeBucket.ts';

export const filesConfig = defineConfig({
  source: { database: 'd', collection: 'projects', fields: ['name'] },
  collections: [
    {
      path: 'storyboards',
      projectId: 'projectId',
      copies: { name: 'projectName' },
      subcollections: 'recursive',
      files: ['cover', 'panels[].image'],
    },
    { path: 'storyboards/{storyboard}/scenes', projectId: 'projectId', files: ['image'] },
    { path: 'plain', projectId: 'projectId' },
  ],
});

export const settings: FileSettings = {
  place: { bucket: 'studio', prefix: 'media/', emulator: null },
  graceMs: 60 * minuteMs,
};

/** What the tests of `src/files` work with: a local server of Firestore, and a bucket in memory. */
export interface FilesFixture {
  readonly server: FirestoreServer;
  readonly firestore: Firestore;
  readonly clock: SteppedClock;
  readonly log: RecordedLog;
  readonly bucket: FakeBucket;
  readonly dependencies: Parameters<typeof removeDueFiles>[0] & { readonly config: Config };
  /** Lets the grace time pass, and removes what is due. */
  remove(): Promise<RemovedFiles>;
  /** Has the records name what all assets name. */
  index(): Promise<void>;
  /** Records of one kind, by what they say. */
  records(kind: 'asset' | 'archive' | 'removal'): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export async function startFilesFixture(config: Config = filesConfig): Promise<FilesFixture> {
  const server = await startFirestoreServer();
  const firestore = connect(server);
  const clock = steppedClock();
  const log = recordedLog();
  const bucket = fakeBucket();
  const control = createControlReader(firestore, clock);
  const indexArchive = createIndexArchive({ firestore, config, settings, log, cold: null });
  const dependencies = { firestore, config, settings, bucket, clock, log, control, indexArchive };
  const budget = () => ({ deadline: clock.now() + minuteMs, signal: new AbortController().signal });
  return {
    server,
    firestore,
    clock,
    log,
    bucket,
    dependencies,
    async remove() {
      clock.advance(settings.graceMs);
      return removeDueFiles(dependencies, budget());
    },
    async index() {
      const progress = await completeIndex(dependencies, budget());
      if (progress.kind !== 'not-yet') return;
      clock.advance(progress.until - clock.now());
      await completeIndex(dependencies, budget());
    },
    async records(kind) {
      const { docs } = await firestore.collection('syncFiles').where('kind', '==', kind).get();
      return docs.map((document) => document.data());
    },
    async close() {
      await firestore.terminate();
      await server.close();
    },
  };
}
