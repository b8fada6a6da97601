// Attacks: "a record says what its asset names now, whatever late or unordered events say" and "before it is known what
// all assets name, no file goes".
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { minuteMs } from '../../src/clock.ts';
import { createControlReader } from '../../src/control/control.ts';
import { askForRemoval } from '../../src/files/askForRemoval.ts';
import { completeIndex } from '../../src/files/completeIndex.ts';
import { writeRemoval } from '../../src/files/fileRecords.ts';
import { changesFiles, indexAsset } from '../../src/files/indexAsset.ts';
import { removeDueFiles } from '../../src/files/removeDueFiles.ts';
import { fakeTopic } from '../support/topic.ts';
import { type FilesFixture, filesConfig, settings, startFilesFixture } from './files.fixture.ts';

describe('records of who names which files', () => {
  let fixture: FilesFixture;
  const budget = (ms = minuteMs) => ({ deadline: fixture.clock.now() + ms, signal: new AbortController().signal });

  beforeEach(async () => {
    fixture = await startFilesFixture();
  });

  afterEach(() => fixture.close());

  /** Holder -> names, over all records. */
  async function recorded(): Promise<Record<string, string[]>> {
    const byHolder: Record<string, string[]> = {};
    for (const { holder, names } of await fixture.records('asset')) {
      const all = [...(byHolder[String(holder)] ?? []), ...(Array.isArray(names) ? names.map(String) : [])];
      byHolder[String(holder)] = all.sort();
    }
    return byHolder;
  }

  it('follow the asset, and go with it', async () => {
    const { firestore, dependencies } = fixture;
    const asset = firestore.doc('storyboards/s1');
    await asset.set({ cover: 'media/a', panels: [{ image: 'gs://studio/media/b' }, { image: 'gs://other/media/c' }] });
    assert.equal(await indexAsset(dependencies, asset.path), 'written');
    assert.equal(await indexAsset(dependencies, asset.path), 'unchanged');
    assert.deepEqual(await recorded(), { 'storyboards/s1': ['media/a', 'media/b'] });
    await asset.update({ cover: null });
    await indexAsset(dependencies, asset.path);
    assert.deepEqual(await recorded(), { 'storyboards/s1': ['media/b'] });
    await asset.delete();
    await indexAsset(dependencies, asset.path);
    assert.deepEqual(await recorded(), {});
  });

  it('are several for an asset with more names than fit one, and become fewer', async () => {
    const { firestore, dependencies } = fixture;
    const names = Array.from({ length: 9_000 }, (_, at) => `media/${at}`);
    await firestore.doc('storyboards/s1').set({ panels: names.map((image) => ({ image })) });
    await indexAsset(dependencies, 'storyboards/s1');
    assert.equal((await fixture.records('asset')).length, 3);
    assert.deepEqual(await recorded(), { 'storyboards/s1': names.toSorted() });
    await firestore.doc('storyboards/s1').set({ panels: names.slice(0, 10).map((image) => ({ image })) });
    await indexAsset(dependencies, 'storyboards/s1');
    assert.equal((await fixture.records('asset')).length, 1);
  });

  it('are right after any events, each as late and as often as it may be', async () => {
    const { firestore, dependencies } = fixture;
    const path = 'storyboards/s1';
    const state = fc.option(fc.array(fc.constantFrom('media/a', 'media/b', 'elsewhere/c'), { maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(fc.array(state, { minLength: 1, maxLength: 4 }), fc.array(fc.nat()), async (states, order) => {
        const events: { readonly before: unknown; readonly after: unknown }[] = [];
        let before: unknown;
        for (const images of states) {
          const after = images === null ? undefined : { panels: images.map((image) => ({ image })) };
          if (after === undefined) await firestore.doc(path).delete();
          else await firestore.doc(path).set(after);
          events.push({ before, after });
          before = after;
        }
        const late = order.flatMap((at) => events[at % events.length] ?? []);
        for (const event of [...late, ...events.toReversed()]) {
          if (changesFiles(dependencies, path, event.before, event.after)) await indexAsset(dependencies, path);
        }
        const wanted = [...new Set(states.at(-1) ?? [])].filter((name) => name.startsWith('media/')).sort();
        assert.deepEqual((await recorded())[path] ?? [], wanted);
        await firestore.doc(path).delete();
        await indexAsset(dependencies, path);
      }),
      { numRuns: 25 },
    );
  });

  it('an event that changes no file costs nothing', () => {
    const before = { cover: 'media/a', projectName: 'old' };
    const { dependencies } = fixture;
    assert.equal(changesFiles(dependencies, 'storyboards/s', before, { ...before, projectName: 'new' }), false);
    assert.equal(changesFiles(dependencies, 'storyboards/s', before, undefined), true);
    assert.equal(changesFiles(dependencies, 'plain/s', before, undefined), false);
  });

  describe('of an installation that had assets before', () => {
    beforeEach(async () => {
      const { firestore } = fixture;
      const batch = firestore.batch();
      for (let at = 0; at < 250; at += 1) {
        batch.set(firestore.doc(`storyboards/s${at}`), at % 9 === 0 ? { projectId: 'p' } : { cover: `media/${at}` });
      }
      batch.set(firestore.doc('storyboards/s1/scenes/c'), { image: 'media/scene' });
      await batch.commit();
    });

    it('are completed by a walk, which begins when the deployment is surely done, and goes on where it stopped', async () => {
      const { clock, dependencies } = fixture;
      const begins = clock.now() + settings.graceMs;
      assert.deepEqual(await completeIndex(dependencies, budget()), { kind: 'not-yet', until: begins });
      clock.advance(settings.graceMs);
      const steps: number[] = [];
      const counted = { ...dependencies, onStep: (scanned: number) => void steps.push(scanned) };
      const stop = new AbortController();
      const stopped = { ...dependencies, onStep: () => stop.abort() };
      assert.deepEqual(await completeIndex(stopped, { ...budget(), signal: stop.signal }), { kind: 'unfinished' });
      assert.deepEqual(await completeIndex(counted, budget()), { kind: 'complete' });
      assert.ok(steps.length >= 4, String(steps));
      const all = await recorded();
      assert.equal(Object.keys(all).length, 223);
      assert.deepEqual(all['storyboards/s1/scenes/c'], ['media/scene']);
      const before = fixture.server.meter.snapshot();
      assert.deepEqual(await completeIndex(dependencies, budget()), { kind: 'complete' });
      assert.equal(fixture.server.meter.diff(before).reads, 1);
    });

    it('are corrected by another walk, where events were lost', async () => {
      const { firestore, clock, dependencies } = fixture;
      await fixture.index();
      await firestore.doc('storyboards/s1').delete();
      await firestore.doc('storyboards/s2').update({ cover: 'media/other' });
      await firestore.doc('storyboards/new').set({ cover: 'media/new' });
      clock.advance(1);
      const corrected: number[] = [];
      const counted = { ...dependencies, onStep: (_: number, written: number) => void corrected.push(written) };
      assert.deepEqual(await completeIndex(counted, budget(), clock.now()), { kind: 'complete' });
      assert.equal(
        corrected.reduce((sum, written) => sum + written, 0),
        3,
      );
      const all = await recorded();
      assert.deepEqual(
        [all['storyboards/s1'], all['storyboards/s2'], all['storyboards/new']],
        [undefined, ['media/other'], ['media/new']],
      );
    });

    it('are not trusted after a while in which nobody has kept them: nothing may have', async () => {
      const { clock, dependencies } = fixture;
      await fixture.index();
      for (let round = 0; round < 12; round += 1) {
        clock.advance(settings.graceMs);
        assert.deepEqual(await completeIndex(dependencies, budget()), { kind: 'complete' });
      }
      clock.advance(settings.graceMs + 31 * minuteMs);
      assert.equal((await completeIndex(dependencies, budget())).kind, 'not-yet');
    });

    it('are noted to be kept whenever that is due, which costs no look of its own', async () => {
      const { clock, dependencies, firestore } = fixture;
      await fixture.index();
      const control = createControlReader(firestore, clock);
      const topic = fakeTopic();
      const look = () => askForRemoval({ ...dependencies, control, requests: async () => topic });
      assert.equal(await look(), false);
      clock.advance(11 * minuteMs);
      assert.equal(await look(), true);
      await removeDueFiles({ ...dependencies, control }, budget());
      assert.equal(await look(), false);
    });

    it('begin anew when other fields are configured', async () => {
      const { dependencies } = fixture;
      await fixture.index();
      const collections = filesConfig.collections.map((place) =>
        place.name === 'plain' ? { ...place, files: ['x'] } : place,
      );
      const changed = { ...dependencies, config: { ...filesConfig, collections } };
      assert.equal((await completeIndex(changed, budget())).kind, 'not-yet');
    });

    it('let no file go before', async () => {
      const { firestore, clock, bucket } = fixture;
      for (const name of ['media/1', 'media/nobody']) bucket.upload(name);
      await firestore.runTransaction(async (transaction) =>
        writeRemoval(firestore, transaction, {
          bucket: null,
          projectId: 'p',
          files: ['media/1', 'media/nobody'],
          deletedAt: clock.now(),
          dueAt: clock.now(),
        }),
      );
      await fixture.remove();
      assert.deepEqual(bucket.names(), ['media/1', 'media/nobody']);
      await fixture.remove();
      assert.deepEqual(bucket.names(), ['media/1']);
    });
  });
});
