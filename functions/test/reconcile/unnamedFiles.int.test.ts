// Files that no asset names are found by listing. Attacks: "nothing is taken for unnamed before it is known what all
// assets name", and "a reconciliation removes no file by itself".
import assert from 'node:assert/strict';
import { createIndexArchive } from '../../src/archive/indexPages.ts';
import { dayMs, minuteMs } from '../../src/clock.ts';
import { createControlReader } from '../../src/control/control.ts';
import { ReconcileRequestError } from '../../src/events/reconciliationRequest.ts';
import type { FileSettings } from '../../src/files/fileSettings.ts';
import { indexAsset } from '../../src/files/indexAsset.ts';
import { removeDueFiles } from '../../src/files/removeDueFiles.ts';
import { renderReport } from '../../src/reconcile/report.ts';
import { archive } from '../archive/archived.ts';
import { type FakeBucket, fakeBucket } from '../files/fakeBucket.ts';
import { startWorld, type World, worldConfig } from './world.ts';

const settings: FileSettings = { place: { bucket: 'studio', prefix: 'media/', emulator: null }, graceMs: 0 };

describe('files that no asset names', () => {
  let world: World;
  let bucket: FakeBucket;
  let now: () => number;

  beforeEach(async () => {
    world = await startWorld({
      ...worldConfig,
      collections: [
        { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' }, files: ['panels[].image'] },
        { path: 'analyses', projectId: 'projectId' },
      ],
    });
    bucket = fakeBucket();
    now = world.dependencies().clock.now;
    const [projectId = ''] = await world.addProjects(['name']);
    const asset = (image: string) => ({ projectId, projectName: 'name', panels: [{ image }] });
    await world.addAssets('storyboards', [asset('media/named-1'), asset('gs://studio/media/named-2')]);
    for (const name of ['media/named-1', 'media/named-2', 'media/nobody-1', 'media/nobody-2', 'elsewhere/nobody']) {
      bucket.upload(name, now() - 10 * dayMs);
    }
    bucket.upload('media/young', now());
  });
  afterEach(() => world.close());

  function place(changed = settings) {
    const { firestore, config, log } = world;
    const indexArchive = createIndexArchive({ firestore, config, log, settings: changed, cold: null });
    return { settings: changed, bucket: async () => bucket, indexArchive };
  }
  const run = (request: Parameters<World['run']>[0], changed?: FileSettings) =>
    world.run({ files: true, ...request }, { files: place(changed) });

  it('are found with their bytes and their cost, of assets that nothing was recorded of before', async () => {
    const before = world.client.server.meter.snapshot();
    const outcome = await run({ mode: 'report' });
    assert.equal(outcome.kind, 'done');
    const { files, findings, examples } = outcome.report;
    assert.equal(findings['unnamed-file'], 2);
    assert.deepEqual(
      { listed: files?.listed, bytes: files?.bytes, unnamedBytes: files?.unnamedBytes, young: files?.young },
      { listed: 5, bytes: 50, unnamedBytes: 20, young: 1 },
    );
    assert.deepEqual(
      examples.map(({ path }) => path),
      ['media/nobody-1', 'media/nobody-2'],
    );
    assert.match(renderReport(outcome.report), /Files: 5 \(50 bytes\) listed .* 2 \(20 bytes\) are named by no asset/);
    assert.ok(world.client.server.meter.diff(before).reads > 0);
    assert.deepEqual(bucket.calls, { find: 0, deleteVersion: 0, list: 1 });
  });

  it('are found also beside a record that cannot be read, whose files are none of them', async () => {
    await world.firestore.doc('syncFiles/odd').set({ kind: 'asset', names: ['media/nobody-1'] });
    const outcome = await run({ mode: 'report' });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual(
      outcome.report.examples.map(({ path }) => path),
      ['media/nobody-2'],
    );
  });

  it('are only reported without an age, and beyond the limit', async () => {
    const reported = await run({ mode: 'clean' });
    assert.equal(reported.kind, 'done');
    assert.equal(reported.report.files?.asked, 0);
    for (let at = 0; at < 300; at += 1) bucket.upload(`media/many-${at}`, 0);
    const many = await run({ mode: 'clean', filesOlderThanDays: 5 });
    assert.equal(many.kind, 'done');
    assert.deepEqual([many.report.files?.leftAlone, many.report.files?.asked], [302, 0]);
    assert.match(renderReport(many.report), /were left alone.*--allow-files 302/s);
    assert.equal((await world.firestore.collection('syncFiles').where('kind', '==', 'removal').get()).size, 0);
  });

  it('are removed by the removal, which looks at each again', async () => {
    const outcome = await run({ mode: 'clean', filesOlderThanDays: 5 });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.files?.asked, 2);
    assert.equal(bucket.calls.deleteVersion, 0);
    const { firestore, config, log } = world;
    const { clock } = world.dependencies();
    const dependencies = { firestore, config, log, clock, settings, bucket };
    await firestore.doc('storyboards/late').set({ panels: [{ image: 'media/nobody-2' }] });
    await indexAsset(dependencies, 'storyboards/late');
    await removeDueFiles(
      {
        ...dependencies,
        control: createControlReader(firestore, clock),
        indexArchive: createIndexArchive({ ...dependencies, cold: null }),
      },
      { deadline: clock.now() + minuteMs, signal: new AbortController().signal },
    );
    assert.deepEqual(bucket.names(), [
      'elsewhere/nobody',
      'media/named-1',
      'media/named-2',
      'media/nobody-2',
      'media/young',
    ]);
  });

  it('are none of those that archived assets name, also where these were archived before files were configured', async () => {
    const documents = { 'storyboards/old': { projectId: 'gone', panels: [{ image: 'media/nobody-1' }] } };
    await archive(world.firestore, { collection: 'storyboards', documents });
    const outcome = await run({ mode: 'clean', filesOlderThanDays: 5 });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual([outcome.report.findings['unnamed-file'], outcome.report.files?.asked], [1, 1]);
  });

  it('of an age that is not reached stay', async () => {
    const outcome = await run({ mode: 'clean', filesOlderThanDays: 20 });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual([outcome.report.findings['unnamed-file'], outcome.report.files?.asked], [2, 0]);
  });

  it('are none before it is known what all assets name', async () => {
    const patient = { ...settings, graceMs: 60 * minuteMs };
    const early = await run({ mode: 'clean', filesOlderThanDays: 5 }, patient);
    assert.equal(early.kind, 'done');
    assert.equal(early.report.findings['unnamed-file'], 0);
    assert.match(renderReport(early.report), /nothing is known of them before .* Run again then/);
    assert.equal(bucket.calls.list, 0);
    world.advance(61 * minuteMs);
    const later = await run({ mode: 'report' }, patient);
    assert.equal(later.kind, 'done');
    // The young one has got older.
    assert.equal(later.report.findings['unnamed-file'], 3);
  });

  it('are found page by page over invocations', async () => {
    for (let at = 0; at < 2_100; at += 1) bucket.upload(`media/more-${at}`, 0);
    const stop = new AbortController();
    const list = bucket.list;
    const stopping = {
      ...bucket,
      list: async (listing: Parameters<typeof list>[0]) => {
        const page = await list(listing);
        stop.abort();
        return page;
      },
    };
    const request = { mode: 'report', files: true } as const;
    const first = await world.run(
      request,
      { files: { ...place(), bucket: async () => stopping } },
      { signal: stop.signal },
    );
    assert.equal(first.kind, 'continued');
    const second = await run(request);
    assert.equal(second.kind, 'done');
    assert.equal(second.report.findings['unnamed-file'], 2_102);
    assert.equal(second.report.files?.lists, 3);
  });

  it('are asked for of all assets, and where files are configured', async () => {
    await assert.rejects(run({ mode: 'report', collections: ['storyboards'] }), ReconcileRequestError);
    await assert.rejects(run({ mode: 'report', files: false, filesOlderThanDays: 3 }), ReconcileRequestError);
    const without = await startWorld();
    try {
      await assert.rejects(
        without.run({ mode: 'report', files: true }),
        /no collection of lockstep.config.ts has "files"/,
      );
    } finally {
      await without.close();
    }
  });
});
