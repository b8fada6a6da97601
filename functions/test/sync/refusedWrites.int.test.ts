// Attacks I11 and I7: what Firestore refuses is kept with its error, and its neighbours go on.
import assert from 'node:assert/strict';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { failureId, failureRef, parseFailure } from '../../src/deadLetters/failure.ts';
import { letterOf, originalOf } from '../../src/deadLetters/letter.ts';
import { recordDeadLetter } from '../../src/deadLetters/record.ts';
import { encodeEvent } from '../../src/events/codec.ts';
import { projectRecordRef } from '../../src/records/projectRecord.ts';
import { AttemptFailedError, ClaimFailedError, ProjectBusyError } from '../../src/sync/errors.ts';
import { handleMessage } from '../../src/sync/handleMessage.ts';
import { redriveAll } from '../deadLetters/redriving.ts';
import { transactAs } from '../support/transact.ts';
import { event, oneAtATime, type SyncFixture, startSyncFixture } from './worker.fixture.ts';

const describedConfig = defineConfig({
  source: { database: 'd', collection: 'projects', fields: ['name', 'description'] },
  collections: [
    { path: 'media', projectId: 'projectId', copies: { name: 'projectName', description: 'projectDescription' } },
  ],
});

describe('a write that Firestore refuses', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture({ config: describedConfig });
  });
  afterEach(() => fixture.close());

  async function seed(count: number, data: (index: number) => Record<string, unknown> = () => ({})): Promise<void> {
    const writer = fixture.firestore.bulkWriter({ throttling: false });
    for (let index = 0; index < count; index += 1) {
      const path = `media/m${String(index).padStart(4, '0')}`;
      void writer.set(fixture.firestore.doc(path), { projectId: 'p1', ...data(index) });
    }
    await writer.close();
  }

  async function keepLetters(): Promise<void> {
    for (const letter of fixture.deadLetters.messages.splice(0)) {
      await recordDeadLetter(fixture.dependencies, letter);
    }
  }

  it('for its size in all is cut into pages that fit: 1,200 copies of 12 KB', async () => {
    await seed(1_200);
    const description = 'x'.repeat(12 * 1_024);
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'new', description }));
    const media = [...(await fixture.documents('media')).values()];
    assert.equal(media.filter((asset) => asset.projectDescription === description).length, 1_200);
    assert.deepEqual(fixture.deadLetters.messages, []);
  });

  it('names the asset at fault, not one before it that shows the value already', async () => {
    const name = 'a name that is longer than what there is room for'.repeat(20);
    await seed(9, (index) => (index === 7 ? { body: 'x'.repeat(1_048_000) } : { projectName: name }));
    await fixture.deliver(event('ProjectUpdated', 'p1', { name }));
    const letters = fixture.deadLetters.messages.map(({ attributes }) => attributes.asset);
    assert.deepEqual(letters, ['media/m0007']);
  });

  it('is not one whose transaction took too long, time and again: its asset is not at fault', async () => {
    await seed(1);
    const { faults } = fixture.server;
    const error = {
      code: 'INVALID_ARGUMENT',
      message: 'The referenced transaction has expired or is no longer valid.',
    };
    faults.inject('Commit', {});
    faults.inject('Commit', { error }, 1_000);
    await assert.rejects(fixture.deliver(event('ProjectDeleted', 'p1')));
    assert.ok(faults.pending() > 0);
    assert.deepEqual(fixture.deadLetters.messages, []);
    assert.equal((await fixture.documents('media')).size, 1);
  });

  it('for one asset near 1 MiB leaves the others in step; the one has a dead letter and is redriven by itself', async () => {
    const full = 'x'.repeat(1_048_000);
    await seed(300, (index) => (index === 137 ? { body: full } : {}));
    await fixture.deliver(
      event('ProjectUpdated', 'p1', { name: 'a name that is longer than what there is room for'.repeat(20) }),
    );
    const stale = [...(await fixture.documents('media'))].filter(([, asset]) => asset.projectName === undefined);
    assert.deepEqual(
      stale.map(([path]) => path),
      ['media/m0137'],
    );
    const [letter, ...more] = fixture.deadLetters.messages;
    assert.deepEqual(more, []);
    assert.equal(letter?.attributes.reason, 'asset');
    assert.equal(letter?.attributes.asset, 'media/m0137');
    const record = await fixture.record('p1');
    assert.equal(record.appliedRevision, record.revision);
    await keepLetters();
    const failures = await fixture.firestore.collection('syncFailures').get();
    const kept = failures.docs.map((document) => parseFailure(document.id, document.data()));
    assert.deepEqual(
      kept.map(({ asset, status, projectId }) => ({ asset, status, projectId })),
      [{ asset: 'media/m0137', status: 'dead', projectId: 'p1' }],
    );

    await fixture.firestore.doc('media/m0137').update({ body: 'less' });
    for await (const page of redriveAll(
      { ...fixture.dependencies, transact: transactAs('olga', fixture.dependencies) },
      { dryRun: false, includeUnreadable: false },
    )) {
      assert.deepEqual(
        page.map(({ kind }) => kind),
        ['published'],
      );
    }
    const before = fixture.server.meter.snapshot();
    for (const message of fixture.events.messages.splice(0)) await fixture.deliverMessage(message);
    const after = fixture.server.meter.snapshot();
    assert.match(String((await fixture.firestore.doc('media/m0137').get()).get('projectName')), /^a name/);
    assert.ok(after.reads - before.reads <= 4, 'only the one asset is read');
  });

  it('of a single asset makes the pages of the others no smaller', async () => {
    const name = 'a name that is longer than what there is room for'.repeat(20);
    await seed(4_000, (index) => (index === 3 ? { body: 'x'.repeat(1_048_000) } : {}));
    let pages = 0;
    const onPage = () => {
      pages += 1;
    };
    const worker = fixture.worker2({ throttle: oneAtATime(onPage) });
    const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
    const outcome = await worker.apply(event('ProjectUpdated', 'p1', { name }), budget);
    assert.deepEqual(outcome, { kind: 'applied', processed: 3_999 });
    assert.ok(pages < 50, `${pages} pages`);
  });

  it('is named also where its path has no room in one attribute, and is redriven by itself', async () => {
    const path = `media/${'ä🎬'.repeat(240)}/below/${'x'.repeat(700)}`;
    const own = await startSyncFixture({
      config: defineConfig({
        source: { database: 'd', collection: 'projects', fields: ['name'] },
        collections: [{ group: 'below', projectId: 'projectId', copies: { name: 'projectName' } }],
      }),
    });
    try {
      const { firestore, deadLetters, events } = own;
      await firestore.doc(path).set({ projectId: 'p1', body: 'x'.repeat(1_046_000) });
      const name = 'a name that is longer than what there is room for'.repeat(20);
      await own.deliver(event('ProjectUpdated', 'p1', { name }));
      const [letter, ...others] = deadLetters.messages.splice(0);
      assert.ok(letter !== undefined && others.length === 0);
      for (const value of Object.values(letter.attributes)) assert.ok(Buffer.byteLength(value) <= 1_024);
      const failure = await recordDeadLetter(own.dependencies, letter);
      assert.deepEqual([failure.asset, failure.id.startsWith('asset-')], [path, true]);
      await firestore.doc(path).update({ body: 'less' });
      const transact = transactAs('olga', own.dependencies);
      for await (const _page of redriveAll(
        { ...own.dependencies, transact },
        { dryRun: false, includeUnreadable: false },
      ));
      for (const message of events.messages.splice(0)) await own.deliverMessage(message);
      assert.equal((await firestore.doc(path).get()).get('projectName'), name);
    } finally {
      await own.close();
    }
  });

  it('for two assets of a project leaves both in step when they are redriven at once', async () => {
    const name = 'a name that is longer than what there is room for'.repeat(20);
    await seed(9, (index) => (index === 3 || index === 7 ? { body: 'x'.repeat(1_048_000) } : {}));
    const rename = event('ProjectUpdated', 'p1', { name });
    await fixture.deliver(rename);
    await keepLetters();
    for (const path of ['media/m0003', 'media/m0007']) await fixture.firestore.doc(path).update({ body: 'less' });
    for await (const _page of redriveAll(
      { ...fixture.dependencies, transact: transactAs('olga', fixture.dependencies) },
      { dryRun: false, includeUnreadable: false },
    ));
    const [first, second, ...others] = fixture.events.messages.splice(0);
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(others, []);
    const { asset } = first.attributes;
    const worker = fixture.worker2({
      throttle: {
        ...oneAtATime(),
        enter: () => assert.rejects(fixture.deliverMessage(second), ProjectBusyError),
      },
    });
    const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
    assert.equal((await worker.apply(rename, { ...budget, ...(asset !== undefined && { asset }) })).kind, 'applied');
    await fixture.deliverMessage(second);
    const media = [...(await fixture.documents('media')).values()];
    assert.deepEqual(new Set(media.map(({ projectName }) => projectName)), new Set([name]));
  });

  it('for an asset whose redrive keeps failing is dead-lettered again after as many attempts, with its error', async () => {
    await seed(1);
    const { data, attributes } = encodeEvent(event('ProjectUpdated', 'p1', { name: 'new' }));
    await fixture.deliverMessage({ data, attributes });
    const redriven = { data, attributes: { ...attributes, asset: 'media/m0000' } };
    const first = letterOf(redriven, { reason: 'asset', error: 'full', attempts: 1, now: fixture.clock.now() });
    assert.equal((await recordDeadLetter(fixture.dependencies, first)).times, 1);
    await failureRef(fixture.firestore, failureId(redriven)).update({ status: 'redriven' });
    fixture.clock.advance(1_000);
    const { limits } = fixture.dependencies;
    for (let attempt = 1; attempt <= limits.maxAttempts; attempt += 1) {
      assert.deepEqual(fixture.deadLetters.messages, []);
      const worker = fixture.worker2({
        throttle: { ...oneAtATime(), enter: () => Promise.reject(new Error('no place')) },
      });
      const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
      const delivery = handleMessage({ ...fixture.dependencies, worker, converged: null }, redriven, budget);
      await (attempt < limits.maxAttempts ? assert.rejects(delivery, AttemptFailedError) : delivery);
    }
    const [letter, ...others] = fixture.deadLetters.messages;
    assert.deepEqual(others, []);
    assert.deepEqual([letter?.attributes.asset, letter?.attributes.error], ['media/m0000', 'no place']);
    assert.ok(letter !== undefined);
    assert.equal((await recordDeadLetter(fixture.dependencies, letter)).times, 2);
  });

  it('in the record of a project is counted elsewhere, and dead-lettered with its error in the end', async () => {
    const { limits } = fixture.dependencies;
    await seed(1);
    // Each value fits, both together do not.
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'x'.repeat(800_000) }));
    const second = event('ProjectUpdated', 'p1', { description: 'y'.repeat(800_000) });
    for (let attempt = 1; attempt < limits.maxAttempts; attempt += 1) {
      await assert.rejects(fixture.deliver(second), ClaimFailedError);
    }
    fixture.deadLetters.messages.length = 0;
    await fixture.deliver(second);
    const [letter] = fixture.deadLetters.messages;
    assert.deepEqual(
      [letter?.attributes.reason, letter?.attributes.attempts],
      ['attempts', String(limits.maxAttempts)],
    );
    await keepLetters();
    const kept = await fixture.firestore.collection('syncFailures').where('status', '==', 'dead').get();
    const [failure] = kept.docs
      .map((document) => parseFailure(document.id, document.data()))
      .filter(({ asset }) => !asset);
    assert.equal(failure?.attempts, limits.maxAttempts);
    assert.equal(failure?.times, 1);
  });

  for (const [what, name] of [
    ['too large', 'x'.repeat(1_200_000)],
    ['a reserved name in a map', { __x__: 1 }],
    ['an empty name in a map', { '': 1 }],
    ['nested deeper than a record can hold', nested(19)],
    ['nested deeper than the stack', nested(20_000)],
    ['a time after the year 9999', { $date: '+275760-09-13T00:00:00.000Z' }],
    ['a time before the year 1', { $date: '-000001-01-01T00:00:00.000Z' }],
  ] as const) {
    it(`is none of the contract: ${what}`, async () => {
      const { data, attributes } = encodeEvent(event('ProjectUpdated', 'p1', { name: 'NAME' }));
      const raw = data
        .toString('utf8')
        .replace('"NAME"', typeof name === 'string' ? JSON.stringify(name) : textOf(name));
      await fixture.deliverMessage({ data: Buffer.from(raw), attributes });
      assert.equal(fixture.deadLetters.messages[0]?.attributes.reason, 'unreadable');
    });
  }

  it('of text that is not well-formed does not happen: it is read with replacement characters', async () => {
    await seed(1);
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'half \ud83c' }));
    assert.equal((await fixture.documents('media')).get('media/m0000')?.projectName, 'half \ufffd');
  });
});

describe('a deletion that Firestore refuses', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture({
      config: defineConfig({
        source: { database: 'd', collection: 'projects', fields: ['name'] },
        collections: [{ path: 'storyboards', projectId: 'projectId', subcollections: 'recursive' }],
      }),
    });
  });
  afterEach(() => fixture.close());

  /** Two assets. Below the first lies more than a page reads, all of it another project's, which stays. */
  async function seed(belowSecond: Record<string, string>): Promise<void> {
    const { firestore } = fixture;
    const writer = firestore.bulkWriter({ throttling: false });
    for (const path of ['storyboards/a', 'storyboards/b']) void writer.set(firestore.doc(path), { projectId: 'p1' });
    for (let index = 0; index < 250; index += 1) {
      void writer.set(firestore.doc(`storyboards/a/notes/n${index}`), { projectId: 'p2' });
    }
    for (const [path, projectId] of Object.entries(belowSecond)) void writer.set(firestore.doc(path), { projectId });
    await writer.close();
  }

  /** The claim is committed; the first page and then the page of the collection are refused. */
  async function deliverRefused(): Promise<void> {
    const { faults } = fixture.server;
    const error = { code: 'INVALID_ARGUMENT', message: 'what is deleted cannot be' } as const;
    faults.inject('Commit', {});
    faults.inject('Commit', { error }, 2);
    await fixture.deliver(event('ProjectDeleted', 'p1'));
    assert.equal(faults.pending(), 0);
  }

  const namedAssets = () => fixture.deadLetters.messages.map(({ attributes }) => attributes.asset);
  const assetsLeft = async () => [...(await fixture.documents('storyboards')).keys()];

  it('keeps one asset only: another of its page, of which nothing could go yet, goes', async () => {
    await seed({});
    await deliverRefused();
    assert.deepEqual(namedAssets(), ['storyboards/b']);
    assert.deepEqual(await assetsLeft(), ['storyboards/b']);
    assert.equal((await fixture.documents('notes')).size, 250);
  });

  it('names the asset below which it was, not one before it of which nothing could go yet', async () => {
    const others = Array.from({ length: 250 }, (_, index) => [`storyboards/b/notes/n${index}`, 'p2']);
    await seed({ ...Object.fromEntries(others), 'storyboards/b/notes/a': 'p1' });
    await deliverRefused();
    assert.deepEqual(namedAssets(), ['storyboards/b']);
    assert.deepEqual(await assetsLeft(), ['storyboards/b']);
  });

  for (const isAlive of [false, true]) {
    const becomes = isAlive ? 'nothing where the project lives again' : 'its asset where MongoDB has no such project';
    it(`takes, redriven after its tombstone has expired, ${becomes}`, async () => {
      await seed({});
      await deliverRefused();
      await projectRecordRef(fixture.firestore, 'p1').delete();
      if (isAlive) fixture.alive.set('p1', { name: 'again' });
      const [letter] = fixture.deadLetters.messages.splice(0);
      assert.ok(letter !== undefined);
      await fixture.deliverMessage(originalOf(letter));
      assert.deepEqual(await assetsLeft(), isAlive ? ['storyboards/b'] : []);
      assert.deepEqual(fixture.deadLetters.messages, []);
    });
  }
});

function nested(depth: number): string | object {
  return `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`.length > 0 ? { deep: depth } : '';
}

/** JSON, also of what is too deep to be built as an object. */
function textOf(value: object): string {
  if ('deep' in value && typeof value.deep === 'number')
    return `${'{"a":'.repeat(value.deep)}1${'}'.repeat(value.deep)}`;
  return JSON.stringify(value);
}
