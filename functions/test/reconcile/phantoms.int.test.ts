// What no event tells and no index over project ids holds: a client deletes an asset, and what lies below it stays for
// ever. Attacks I5 as well: what belongs to a living project stays, wherever it lies.
import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import type { Clock } from '../../src/clock.ts';
import { controlCacheMs, controlRef } from '../../src/control/control.ts';
import { eventId } from '../../src/events/contract.ts';
import { ReconcileRequestError } from '../../src/events/reconciliationRequest.ts';
import { versionOf } from '../../src/events/version.ts';
import { noFindings } from '../../src/reconcile/findings.ts';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import {
  emptyProjectRecord,
  type ProjectRecord,
  projectRecordData,
  projectRecordRef,
} from '../../src/records/projectRecord.ts';
import { startWorld, type World } from './world.ts';

const assets = 40;
const panelsEach = 3;

describe('subtrees below missing documents', () => {
  let world: World;
  let project: string;

  beforeEach(async () => {
    world = await startWorld({
      source: { database: 'collaboration', collection: 'projects', fields: ['name'] },
      collections: [
        { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' }, subcollections: 'recursive' },
        { path: 'analyses', projectId: 'projectId' },
        { group: 'scenes', projectId: 'projectId', subcollections: 'recursive' },
      ],
    });
    [project = ''] = await world.addProjects(['name']);
    for (let number = 0; number < assets; number += 1) await writeAsset(`storyboards/s${number}`);
  });
  afterEach(() => world.close());

  async function writeAsset(path: string): Promise<void> {
    const batch = world.firestore.batch();
    batch.set(world.firestore.doc(path), { projectId: project, projectName: 'name' });
    for (let panel = 0; panel < panelsEach; panel += 1) {
      batch.set(world.firestore.doc(`${path}/panels/p${panel}`), { title: 'Panel' });
    }
    await batch.commit();
  }
  const remove = (path: string) => world.firestore.doc(path).delete();
  const exists = async (path: string) => (await world.firestore.doc(path).get()).exists;
  const panelsOf = async (path: string) => (await world.firestore.collection(`${path}/panels`).get()).size;

  it('are invisible to a usual run', async () => {
    await remove('storyboards/s7');
    const outcome = await world.run({ mode: 'report' });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual(outcome.report.findings, noFindings());
    assert.equal(outcome.report.phantoms, null);
  });

  it('go in smaller pages where Firestore calls one too big', async () => {
    const large = 'x'.repeat(1_000_000);
    for (let number = 0; number < 11; number += 1) {
      await world.firestore.doc(`storyboards/s7/panels/large${number}`).set({ large });
    }
    await remove('storyboards/s7');
    const outcome = await world.run({ mode: 'clean', phantoms: true });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.repaired?.failed, 0);
    assert.equal(await panelsOf('storyboards/s7'), 0);
  });

  it('are found with their cost, about one read per document, and are there after a report', async () => {
    for (const id of ['s7', 's8', 's39']) await remove(`storyboards/${id}`);
    await world.firestore.doc('storyboards/s8/panels/p0/notes/n').set({ text: 'deeper' });
    const before = world.client.server.meter.snapshot();
    const outcome = await world.run({ mode: 'report', phantoms: true });
    assert.equal(outcome.kind, 'done');
    const { report } = outcome;
    assert.deepEqual(report.findings, { ...noFindings(), phantom: 3 });
    const example = report.examples.find(({ kind, path }) => kind === 'phantom' && path === 'storyboards/s8');
    assert.match(example?.detail ?? '', /it does not exist, and 4 documents lie below it/);
    assert.equal(report.phantoms?.documents, 3 * panelsEach + 1);
    assert.equal(report.phantoms.scanned, assets);
    const { wasteShare } = defaultReconcileLimits;
    assert.ok(report.phantoms.reads <= (1 + wasteShare) * assets + 3 + 3, `${report.phantoms.reads} reads`);
    const used = world.client.server.meter.diff(before);
    assert.equal(used.reads - (used.collections.syncJobs?.reads ?? 0), report.reads);
    assert.equal(await panelsOf('storyboards/s7'), panelsEach);
  });

  it('are removed in mode clean, at any depth and beyond one page, and nothing else is', async () => {
    await remove('storyboards/s7');
    for (let at = 0; at < 1_000; at += 400) {
      const batch = world.firestore.batch();
      for (let number = at; number < Math.min(1_000, at + 400); number += 1) {
        batch.set(world.firestore.doc(`storyboards/s7/panels/p1/strokes/${number}`), { x: number });
      }
      await batch.commit();
    }
    const outcome = await world.run({ mode: 'clean', phantoms: true });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual([outcome.report.repaired?.applied, outcome.report.repaired?.failed], [1, 0]);
    assert.equal(outcome.report.phantoms?.removed, panelsEach + 1_000);
    assert.equal(await panelsOf('storyboards/s7'), 0);
    assert.equal((await world.firestore.collectionGroup('strokes').get()).size, 0);
    assert.equal((await world.firestore.collectionGroup('panels').get()).size, (assets - 1) * panelsEach);
    const after = await world.run({ mode: 'report', phantoms: true });
    assert.equal(after.kind, 'done');
    assert.deepEqual(after.report.findings, noFindings());
  });

  // Such ids sort before all texts: documents that have come from Datastore have them.
  it('are found and removed where ids are numbers, and their neighbours stay', async () => {
    const numbered = [5, 6, 7, 8].map((number) => `storyboards/__id${number}__`);
    for (const path of [...numbered, 'storyboards/ABC']) await writeAsset(path);
    await remove('storyboards/__id6__');
    await remove('storyboards/ABC');
    const outcome = await world.run({ mode: 'clean', phantoms: true });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.findings.phantom, 2);
    assert.equal(outcome.report.phantoms?.documents, 2 * panelsEach);
    for (const path of ['storyboards/__id6__', 'storyboards/ABC']) assert.equal(await panelsOf(path), 0, path);
    for (const path of ['storyboards/__id5__', 'storyboards/__id7__', 'storyboards/__id8__', 'storyboards/s0'])
      assert.equal(await panelsOf(path), panelsEach, path);
  });

  it('keep what is an asset of a living project, or names one, with all below it', async () => {
    await remove('storyboards/s7');
    const stays = [
      'storyboards/s7/scenes/alive',
      'storyboards/s7/scenes/alive/shots/1',
      'storyboards/s7/panels/named',
      'storyboards/s7/panels/named/notes/1',
    ];
    await world.firestore.doc('storyboards/s7/scenes/alive').set({ projectId: project });
    await world.firestore.doc('storyboards/s7/scenes/alive/shots/1').set({ n: 1 });
    await world.firestore.doc('storyboards/s7/panels/named').set({ projectId: project });
    await world.firestore.doc('storyboards/s7/panels/named/notes/1').set({ n: 1 });
    await world.firestore.doc('storyboards/s7/panels/ownerless').set({ projectId: new ObjectId().toHexString() });
    const outcome = await world.run({ mode: 'clean', phantoms: true });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.repaired?.failed, 0);
    for (const path of stays) assert.ok(await exists(path), path);
    assert.equal(await panelsOf('storyboards/s7'), 1, 'all others are gone');
  });

  it('leave alone what is younger than the grace period, and a document that is written again meanwhile', async () => {
    await remove('storyboards/s7');
    await remove('storyboards/s8');
    await world.firestore.doc('storyboards/s8').set({ projectId: project, projectName: 'name' });
    world.advance(-24 * 60 * 60 * 1000);
    const young = await world.run({ mode: 'clean', phantoms: true });
    assert.equal(young.kind, 'done');
    assert.equal(young.report.findings.phantom, 0);
    assert.equal(await panelsOf('storyboards/s7'), panelsEach);
    assert.equal(await panelsOf('storyboards/s8'), panelsEach);
  });

  it('are left alone where they are too many, as where no document of a collection exists by design', async () => {
    for (let number = 0; number < 11; number += 1) await remove(`storyboards/s${number}`);
    const outcome = await world.run({ mode: 'clean', phantoms: true });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual([outcome.report.phantoms?.leftAlone, outcome.report.phantoms?.allowed], [11, 10]);
    assert.equal(outcome.report.phantoms?.removed, 0);
    const alarm = world.log.lines.find(({ level }) => level === 'alarm');
    assert.equal(alarm?.fields.brake, 'too-many-phantoms');
    const allowed = await world.run({ mode: 'clean', phantoms: true, allow: { phantoms: 11 } });
    assert.equal(allowed.kind, 'done');
    assert.equal(allowed.report.phantoms?.removed, 11 * panelsEach);
  });

  it('are found in every collection of a group that still holds an asset', async () => {
    await writeAsset('films/a/scenes/1');
    await writeAsset('films/a/scenes/2');
    await writeAsset('films/b/scenes/1');
    await remove('films/a/scenes/2');
    const outcome = await world.run({ mode: 'clean', phantoms: true });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.findings.phantom, 1);
    assert.equal(await panelsOf('films/a/scenes/2'), 0);
    assert.equal(await panelsOf('films/b/scenes/1'), panelsEach);
  });

  it('are found however many collections a group has', async function () {
    this.timeout(30_000);
    // More paths than a document of a job could hold.
    const ids = Array.from({ length: 750 }, (_, number) => `${String(number).padStart(4, '0')}${'x'.repeat(1_450)}`);
    for (let at = 0; at < ids.length; at += 300) {
      const batch = world.firestore.batch();
      for (const id of ids.slice(at, at + 300)) {
        batch.set(world.firestore.doc(`analyses/${id}/scenes/s`), { projectId: project });
      }
      await batch.commit();
    }
    await world.firestore.doc(`analyses/${ids[700]}/scenes/gone/shots/1`).set({ n: 1 });
    const outcome = await world.run({ mode: 'clean', phantoms: true });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.findings.phantom, 1);
    assert.equal(await exists(`analyses/${ids[700]}/scenes/gone/shots/1`), false);
  });

  it('are found and removed in any number of pieces', async () => {
    const gone = [3, 9, 17, 30].map((number) => `storyboards/s${number}`);
    for (const path of gone) await remove(path);
    // Time passes only when it is looked at, so that a piece is so many steps.
    const { clock } = world.dependencies();
    const begin = clock.now();
    let steps = 0;
    const stepping: Clock = {
      now() {
        steps += 1;
        return begin + steps;
      },
      after: clock.after,
    };
    const limits = { ...defaultReconcileLimits, closingMs: 0, maxPage: 4 };
    for (let pieces = 1; ; pieces += 1) {
      assert.ok(pieces < 200, 'it comes to an end');
      const deadline = stepping.now() + 60;
      const outcome = await world.run({ mode: 'clean', phantoms: true }, { clock: stepping, limits }, { deadline });
      if (outcome.kind === 'continued') continue;
      assert.equal(outcome.kind, 'done');
      assert.ok(pieces > 1);
      assert.deepEqual(outcome.report.findings, { ...noFindings(), phantom: gone.length });
      assert.equal(outcome.report.phantoms?.scanned, assets);
      break;
    }
    for (const path of gone) assert.equal(await panelsOf(path), 0, path);
  });

  for (const what of ['deletions', 'collection:storyboards'] as const) {
    it(`stay while a person has paused ${what}, and go with the next run after that`, async () => {
      await remove('storyboards/s7');
      const control = controlRef(world.firestore);
      await control.set({ paused: [{ what, by: 'operator', reason: 'incident 42', since: 0 }] });
      const paused = await world.run({ mode: 'clean', phantoms: true });
      assert.equal(paused.kind, 'done');
      assert.equal(await panelsOf('storyboards/s7'), panelsEach);
      assert.deepEqual([paused.report.phantoms?.removed, paused.report.repaired?.deferred], [0, 1]);
      await control.delete();
      await world.run({ mode: 'clean', phantoms: true });
      assert.equal(await panelsOf('storyboards/s7'), 0);
    });
  }

  it('stay from the page on at which they are paused, and what went before is counted', async () => {
    await remove('storyboards/s7');
    const batch = world.firestore.batch();
    for (let panel = 0; panel < 450; panel += 1) batch.set(world.firestore.doc(`storyboards/s7/panels/q${panel}`), {});
    await batch.commit();
    const { truth, clock } = world.dependencies();
    await world.firestore.doc('storyboards/s7/panels/p0').update({ projectId: 'gone' });
    const pausing: typeof truth = {
      async ask(projectIds) {
        if (projectIds.includes('gone')) {
          const pause = { what: 'deletions', by: 'operator', reason: 'incident 42', since: clock.now() };
          await controlRef(world.firestore).set({ paused: [pause] });
          world.advance(controlCacheMs);
        }
        return truth.ask(projectIds);
      },
    };
    const outcome = await world.run({ mode: 'clean', phantoms: true }, { truth: pausing });
    assert.equal(outcome.kind, 'done');
    assert.equal(await panelsOf('storyboards/s7'), panelsEach + 450 - 400);
    assert.deepEqual([outcome.report.phantoms?.removed, outcome.report.repaired?.deferred], [400, 1]);
  });

  it('stay where a run is resumed in shadow mode', async () => {
    await remove('storyboards/s7');
    const stop = new AbortController();
    const { truth } = world.dependencies();
    await world.firestore.doc('storyboards/s7/panels/p0').update({ projectId: 'gone' });
    const stopping: typeof truth = {
      ask(projectIds) {
        if (projectIds.includes('gone')) stop.abort(new Error('asked to stop'));
        return truth.ask(projectIds);
      },
    };
    const request = { mode: 'clean', phantoms: true } as const;
    const stopped = await world.run(request, { truth: stopping }, { signal: stop.signal });
    assert.equal(stopped.kind, 'continued');
    const resumed = await world.run(request, { isShadow: true });
    assert.equal(resumed.kind, 'done');
    assert.equal(resumed.report.jobId, stopped.report.jobId);
    assert.equal(await panelsOf('storyboards/s7'), panelsEach);
  });

  it('belong to no project, so a run over single projects refuses to look for them', async () => {
    await assert.rejects(world.run({ mode: 'report', phantoms: true, projectIds: [project] }), ReconcileRequestError);
  });
});

// Attacks I5 and I13 where assets of one collection lie below those of another, in every collection of a pattern.
describe('subtrees below missing documents of tenants/{tenantId}/storyboards', () => {
  let world: World;
  let project: string;

  beforeEach(async () => {
    world = await startWorld({
      source: { database: 'collaboration', collection: 'projects', fields: ['name'] },
      collections: [
        { path: 'tenants/{tenantId}/storyboards', projectId: 'projectId', subcollections: 'recursive' },
        { path: 'tenants/{tenantId}/storyboards/{boardId}/panels', projectId: 'projectId', onDelete: 'archive' },
      ],
    });
    [project = ''] = await world.addProjects(['name']);
    for (const tenant of ['t1', 't2']) {
      for (const board of ['a', 'b', 'c']) {
        await world.firestore.doc(`tenants/${tenant}/storyboards/${board}`).set({ projectId: project });
        await world.firestore.doc(`tenants/${tenant}/storyboards/${board}/notes/n`).set({ text: 'below' });
      }
    }
    // Of the same collection group, and no asset.
    await world.firestore.doc('storyboards/s/notes/n').set({ text: 'elsewhere' });
    await world.firestore.doc('storyboards/other').set({ text: 'elsewhere' });
  });
  afterEach(() => world.close());

  const exists = async (path: string) => (await world.firestore.doc(path).get()).exists;

  it('are found and removed in every collection of the pattern, and nowhere else', async () => {
    for (const tenant of ['t1', 't2']) await world.firestore.doc(`tenants/${tenant}/storyboards/b`).delete();
    const outcome = await world.run({ mode: 'clean', phantoms: true });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual([outcome.report.findings.phantom, outcome.report.repaired?.failed], [2, 0]);
    assert.equal(outcome.report.phantoms?.removed, 2);
    for (const tenant of ['t1', 't2']) assert.equal(await exists(`tenants/${tenant}/storyboards/b/notes/n`), false);
    assert.ok(await exists('tenants/t1/storyboards/a/notes/n'));
    assert.ok(await exists('storyboards/s/notes/n'));
  });

  it('keep what is an asset of a pattern: what becomes of it is its project’s', async () => {
    const gone = new ObjectId().toHexString();
    const version = versionOf({ seconds: 1_700_000_000, increment: 1 }, 0);
    const kept: ProjectRecord = {
      ...emptyProjectRecord(gone),
      desired: { kind: 'deleted', version, deletedVersion: version, fields: {} },
      revision: 1,
      appliedRevision: 1,
      hold: { state: 'discarded', since: 1_700_000_000_000, eventId: eventId(gone, version), version },
    };
    await projectRecordRef(world.firestore, gone).set(projectRecordData(kept));
    await world.firestore.doc('tenants/t1/storyboards/b/panels/p').set({ projectId: gone });
    await world.firestore.doc('tenants/t1/storyboards/b').delete();
    const outcome = await world.run({ mode: 'clean', phantoms: true });
    assert.equal(outcome.kind, 'done');
    assert.ok(await exists('tenants/t1/storyboards/b/panels/p'), 'a person has decided that it stays');
    assert.equal(await exists('tenants/t1/storyboards/b/notes/n'), false);
  });
});
