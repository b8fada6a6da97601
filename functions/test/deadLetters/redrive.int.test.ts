// Dead letters that are redriven, on a real client and a local Firestore. Attacks I1 and I7.
import assert from 'node:assert/strict';
import { readInvocation } from '../../src/cli/command.ts';
import { exitCodes, redrive, redriveDeadLetters } from '../../src/cli/redrive.ts';
import { dayMs } from '../../src/clock.ts';
import { failureRef } from '../../src/deadLetters/failure.ts';
import { letterOf } from '../../src/deadLetters/letter.ts';
import { countFailedDelivery, recordDeadLetter } from '../../src/deadLetters/record.ts';
import type { RedriveDependencies } from '../../src/deadLetters/redrive.ts';
import { encodeEvent } from '../../src/events/codec.ts';
import type { ProjectEvent } from '../../src/events/contract.ts';
import { publishLeftOver } from '../../src/operations/outbox.ts';
import type { Publisher } from '../../src/publisher.ts';
import { documentIdFrom } from '../../src/records/documentIds.ts';
import { AttemptFailedError } from '../../src/sync/errors.ts';
import { handleMessage } from '../../src/sync/handleMessage.ts';
import { transactAs } from '../support/transact.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';
import { redriveAll, redriveOne } from './redriving.ts';

const playAll = { dryRun: false, includeUnreadable: false };

describe('redrive', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture();
  });
  afterEach(() => fixture.close());

  /** What `recordDeadLetter` does with everything on the dead letter topic. */
  async function recordAll(): Promise<void> {
    for (const message of fixture.deadLetters.messages.splice(0)) await recordDeadLetter(fixture.dependencies, message);
  }

  /** A deletion that became a dead letter because MongoDB was away. */
  async function deadDeletion(projectId: string): Promise<ProjectEvent> {
    await fixture.firestore.doc(`media/${projectId}`).set({ projectId, projectName: 'old' });
    const deletion = event('ProjectDeleted', projectId);
    await failAsOftenAsAllowed(deletion);
    return deletion;
  }

  async function failAsOftenAsAllowed(deletion: ProjectEvent): Promise<void> {
    const worker = fixture.worker2({ truth: { ask: () => Promise.reject(new Error('MongoDB is unavailable')) } });
    const { maxAttempts } = fixture.dependencies.limits;
    const message = { ...encodeEvent(deletion), attributes: { ...encodeEvent(deletion).attributes, source: 'tests' } };
    const dependencies = { ...fixture.dependencies, deadLetters: fixture.deadLetters, converged: null };
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const delivery = handleMessage({ ...dependencies, worker }, message, {
        deadline: fixture.clock.now() + 60_000,
        signal: new AbortController().signal,
      });
      await (attempt < maxAttempts ? assert.rejects(delivery, AttemptFailedError) : delivery);
    }
    await recordAll();
  }

  const redriving = (events: Pick<Publisher, 'publish'> = fixture.events): RedriveDependencies => ({
    ...fixture.dependencies,
    transact: transactAs('olga', { ...fixture.dependencies, events }),
  });

  it('keeps a dead letter, and what cannot be read, without an end while later deliveries are counted', async () => {
    const deletion = await deadDeletion('p');
    const ref = failureRef(fixture.firestore, deletion.id);
    const dead = (await ref.get()).data();
    assert.equal(dead?.status, 'dead');
    const count = () => countFailedDelivery(fixture.dependencies, encodeEvent(deletion), 'it failed once more');
    assert.deepEqual([await count(), await count()], [1, 2]);
    const { counted: _counted, ...kept } = (await ref.get()).data() ?? {};
    assert.deepEqual(kept, dead);
    fixture.clock.advance(32 * dayMs);
    assert.equal(await count(), 1, 'the message of the earlier deliveries is gone');

    const letter = letterOf(encodeEvent(deletion), {
      ...{ reason: 'attempts', error: 'it failed once more', attempts: 3 },
      now: fixture.clock.now(),
    });
    const { status, times, attempts } = await recordDeadLetter(fixture.dependencies, letter);
    assert.deepEqual([status, times, attempts], ['dead', 2, Number(dead?.attempts) + 3]);
    assert.equal((await ref.get()).get('counted'), undefined);

    await ref.set({ status: 'dead', from: 'another version' });
    assert.deepEqual([await count(), await count()], [1, 2]);
    const { counted: _beside, ...unread } = (await ref.get()).data() ?? {};
    assert.deepEqual(unread, { status: 'dead', from: 'another version' });
  });

  const statusOf = async (id: string) => (await failureRef(fixture.firestore, id).get()).get('status');

  async function outcomes(options = playAll, pageSize?: number): Promise<string[]> {
    const found: string[] = [];
    const dependencies = { ...redriving(), ...(pageSize !== undefined && { pageSize }) };
    for await (const page of redriveAll(dependencies, options)) {
      for (const one of page) found.push(one.kind === 'skipped' ? one.reason : one.kind);
    }
    return found;
  }

  it('publishes the original message, whose delivery converges now that the cause is repaired', async () => {
    const deletion = await deadDeletion('p1');
    assert.equal(await statusOf(deletion.id), 'dead');
    assert.deepEqual(await outcomes(), ['published']);
    const [message, ...more] = fixture.events.messages;
    assert.ok(message && more.length === 0);
    const original = encodeEvent(deletion);
    assert.deepEqual(message.data, original.data);
    assert.deepEqual(message.attributes, { ...original.attributes, source: 'tests' });
    await fixture.deliverMessage(message);
    assert.equal((await fixture.documents('media')).size, 0);
    assert.equal(await statusOf(deletion.id), 'redriven');
  });

  it('plays each once: a second redrive finds nothing to do', async () => {
    const deletion = await deadDeletion('p1');
    await outcomes();
    assert.deepEqual(await outcomes(), []);
    const again = await redriveOne(redriving(), deletion.id, { dryRun: false });
    assert.equal(again?.kind === 'skipped' && again.reason, 'already-redriven');
    assert.equal(fixture.events.messages.length, 1);
  });

  it('is dead again when it fails again, and can be redriven then', async () => {
    const deletion = await deadDeletion('p1');
    await outcomes();
    fixture.clock.advance(1_000);
    await failAsOftenAsAllowed(deletion);
    assert.equal(await statusOf(deletion.id), 'dead');
    assert.equal((await failureRef(fixture.firestore, deletion.id).get()).get('times'), 2);
    assert.deepEqual(await outcomes(), ['published']);
  });

  it('that could not publish leaves the message in the outbox, from where it is published later', async () => {
    await deadDeletion('p1');
    fixture.events.failures.push(new Error('Pub/Sub is unavailable'));
    assert.deepEqual(await outcomes(), ['failed']);
    assert.deepEqual(await outcomes(), []);
    assert.equal(fixture.events.messages.length, 0);
    assert.equal(await publishLeftOver({ ...fixture.dependencies, publisherTo: async () => fixture.events }), 1);
    const [message] = fixture.events.messages;
    assert.ok(message);
    await fixture.deliverMessage(message);
    assert.equal((await fixture.documents('media')).size, 0);
    assert.equal(await publishLeftOver({ ...fixture.dependencies, publisherTo: async () => fixture.events }), 0);
  });

  it('that crashed before its transaction has done nothing, and leaves the letter dead', async () => {
    const deletion = await deadDeletion('p1');
    fixture.server.faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' } }, 1);
    assert.deepEqual(await outcomes(), ['failed']);
    assert.equal(await statusOf(deletion.id), 'dead');
    assert.equal(fixture.events.messages.length, 0);
    assert.deepEqual(await outcomes(), ['published']);
  });

  it('that crashed after it published does so twice, and the second is a duplicate', async () => {
    const deletion = await deadDeletion('p1');
    const { publish } = fixture.events;
    const crashing = redriving({
      async publish(message) {
        await publish(message);
        fixture.server.faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' } }, 1);
      },
    });
    assert.equal((await redriveOne(crashing, deletion.id, { dryRun: false }))?.kind, 'failed');
    assert.equal(await publishLeftOver({ ...fixture.dependencies, publisherTo: async () => fixture.events }), 1);
    assert.equal(fixture.events.messages.length, 2);
    for (const message of fixture.events.messages) await fixture.deliverMessage(message);
    const last = fixture.log.lines.findLast((line) => line.level === 'info');
    assert.equal(last?.fields.outcome, 'duplicate');
  });

  it('does not mark a letter that failed again before the mark was written', async () => {
    const deletion = await deadDeletion('p1');
    const { publish } = fixture.events;
    const dependencies = redriving({
      async publish(message) {
        await publish(message);
        fixture.clock.advance(1_000);
        await failAsOftenAsAllowed(deletion);
      },
    });
    await redriveOne(dependencies, deletion.id, { dryRun: false });
    assert.equal(await statusOf(deletion.id), 'dead');
  });

  it('leaves alone what no redelivery can repair, and says why', async () => {
    await fixture.deliverMessage({ data: Buffer.from('not json'), attributes: {} });
    const padding = 'x'.repeat(600 * 1024);
    await fixture.deliverMessage({ data: Buffer.from(JSON.stringify({ padding })), attributes: {} });
    const buried = { source: 'relay', reason: 'value', error: 'a value that no event can carry' };
    fixture.deadLetters.messages.push({ data: Buffer.from('{"operationType":"insert"}'), attributes: buried });
    await recordAll();
    assert.deepEqual((await outcomes()).sort(), ['no-event', 'too-large', 'unreadable']);
    assert.equal(fixture.events.messages.length, 0);
    assert.deepEqual((await outcomes({ ...playAll, includeUnreadable: true })).sort(), [
      'no-event',
      'published',
      'too-large',
    ]);
    assert.equal(fixture.events.messages[0]?.data.toString(), 'not json');
  });

  it('has the letter also where a damaged record stood under its id, and says so', async () => {
    const deletion = event('ProjectDeleted', 'p1');
    const ref = failureRef(fixture.firestore, deletion.id);
    await ref.set({ status: 'dead', attempts: 'many' });
    const attributes = { reason: 'attempts', error: 'MongoDB is unavailable', attempts: '10' };
    const failure = await recordDeadLetter(fixture.dependencies, { data: encodeEvent(deletion).data, attributes });
    assert.deepEqual([failure.attempts, failure.times, failure.status], [10, 1, 'dead']);
    const errors = fixture.log.lines.filter(({ level }) => level === 'error');
    assert.deepEqual(
      errors.map(({ fields }) => fields.record),
      [ref.path],
    );
    assert.match(String(errors[0]?.fields.error), /is not a dead letter.*/s);
    assert.deepEqual(await outcomes(), ['published']);
    assert.deepEqual(fixture.events.messages[0]?.data, encodeEvent(deletion).data);
  });

  it('goes on past a document that is no dead letter', async () => {
    await deadDeletion('p1');
    await fixture.firestore.doc('syncFailures/0-damaged').set({ status: 'dead' });
    assert.deepEqual(await outcomes(), ['failed', 'published']);
  });

  it('pages through any number of them', async () => {
    const ids = Array.from({ length: 11 }, (_, index) => `p${index}`);
    for (const id of ids) {
      const message = { ...encodeEvent(event('ProjectDeleted', id)) };
      await recordDeadLetter(fixture.dependencies, { ...message, attributes: { reason: 'attempts', attempts: '10' } });
    }
    const before = fixture.server.meter.snapshot();
    assert.equal((await outcomes(playAll, 4)).length, ids.length);
    assert.equal(fixture.events.messages.length, ids.length);
    // One to list each, one to mark it, one to continue the audit, and one to see what its history says.
    assert.equal(fixture.server.meter.snapshot().reads - before.reads, 4 * ids.length);
  });

  it('finds a letter by the id of its event and by that of its document', async () => {
    const deletion = await deadDeletion('a%b');
    for (const id of [deletion.id, failureRef(fixture.firestore, deletion.id).id]) {
      assert.equal((await redriveOne(redriving(), id, { dryRun: true }))?.kind, 'publishable');
    }
    assert.equal(await redriveOne(redriving(), '100%', { dryRun: true }), undefined);
    assert.equal(fixture.events.messages.length, 0);
  });

  describe('the command', () => {
    let output: string;
    let warnings: string;
    let onePerPage: { readonly pageSize?: number };
    let onPrint: (text: string) => void;
    beforeEach(() => {
      output = '';
      warnings = '';
      onPrint = () => undefined;
      onePerPage = {};
    });

    async function run(...args: string[]): Promise<number> {
      const decided = args.includes('--dry-run') ? args : [...args, '--yes', '--as', 'olga', '--reason', 'repaired'];
      const settings = readInvocation(redrive, decided, { GCLOUD_PROJECT: 'demo-test' });
      assert.equal(settings.kind, 'run');
      if (settings.kind !== 'run') return exitCodes.usage;
      output = '';
      const print = (text: string) => {
        output += `${text}\n`;
        onPrint(text);
      };
      const warn = (text: string) => {
        warnings += text;
      };
      return redriveDeadLetters(
        {
          services: {
            ...fixture.dependencies,
            ...onePerPage,
            publisherTo: async () => fixture.events,
            retentionMs: 90 * dayMs,
          },
          print,
          warn,
          note: () => undefined,
          ask: undefined,
          askText: undefined,
          inTime: (answer) => answer,
        },
        settings.settings,
      );
    }

    it('tells what became of each, and sums up', async () => {
      const deletion = await deadDeletion('p1');
      assert.equal(await run('--all', '--dry-run'), exitCodes.done);
      assert.match(output, /^would be published {2}p1:.* \(attempts after 10 attempts: .*MongoDB is unavailable\)$/m);
      assert.match(output, /^1 would be published\.$/m);
      assert.equal(await statusOf(deletion.id), 'dead');
      assert.equal(await run('--all'), exitCodes.done);
      assert.match(output, /^published {2}p1:/m);
      assert.equal(await run('--all'), exitCodes.done);
      assert.equal(output, '0 published, 1 redriven before.\n');
      assert.equal(await run('--event', deletion.id), exitCodes.done);
      assert.match(output, /^skipped {2}p1:.*: redriven before/m);
    });

    it('ends with a code of its own where something was skipped, not found, or failed', async () => {
      await fixture.deliverMessage({ data: Buffer.from('not json'), attributes: {} });
      await recordAll();
      assert.equal(await run('--all'), exitCodes.skipped);
      assert.match(output, /0 published, 1 skipped as unreadable/);
      assert.equal(await run('--event', 'no-such'), exitCodes.notFound);
      assert.match(warnings, /no dead letter of event "no-such"/);
      fixture.events.failures.push(new Error('Pub/Sub is unavailable'));
      assert.equal(await run('--all', '--include-unreadable'), exitCodes.failed);
      assert.match(output, /FAILED .*Pub\/Sub is unavailable/);
      assert.equal(await run('--all', '--include-unreadable'), exitCodes.done);
    });

    it('rehearses what it does: what cannot be redriven is dropped all the same', async () => {
      await fixture.deliverMessage({ data: Buffer.from('not json'), attributes: {} });
      const buried = { source: 'relay', reason: 'value', error: 'a value that no event can carry' };
      fixture.deadLetters.messages.push({ data: Buffer.from('{"operationType":"insert"}'), attributes: buried });
      await recordAll();
      assert.equal(await run('--all', '--drop', '--dry-run'), exitCodes.done);
      const rehearsed = output;
      assert.match(rehearsed, /^2 would be dropped\.$/m);
      assert.equal(await run('--all', '--drop'), exitCodes.done);
      assert.equal(output, rehearsed.replaceAll('would be ', ''));
    });

    it('says of what was dropped before that it was dropped, and of what is tried still that it was neither', async () => {
      const [dropped, failing] = [await deadDeletion('p1'), await deadDeletion('p2')];
      await fixture.firestore.doc(`syncFailures/${documentIdFrom(failing.id)}`).update({ status: 'failing' });
      assert.equal(await run('--event', dropped.id, '--drop'), exitCodes.done);
      await run('--event', dropped.id, '--event', failing.id, '--drop');
      assert.match(output, /^skipped {2}p2:.*is failing, and does not wait for a decision$/m);
      assert.match(output, /^0 dropped, 1 dropped before\.$/m);
    });

    it('prints one JSON document, also of nothing', async () => {
      assert.equal(await run('--all', '--json'), exitCodes.done);
      assert.deepEqual(JSON.parse(output).deadLetters, []);
      const deletion = await deadDeletion('p1');
      await deadDeletion('p2');
      await run('--all', '--json');
      const { deadLetters, summary } = JSON.parse(output);
      assert.deepEqual(
        [deadLetters.length, deadLetters[0].id, deadLetters[0].outcome, summary.published],
        [2, deletion.id, 'published', 2],
      );
    });

    it('prints one JSON document also where it fails in the middle, with what was decided before', async () => {
      await deadDeletion('p1');
      await deadDeletion('p2');
      onePerPage = { pageSize: 1 };
      onPrint = (text) => {
        if (!text.includes('"published"')) return;
        fixture.server.faults.inject('RunQuery', { error: { code: 'PERMISSION_DENIED' } }, 1);
        onPrint = () => undefined;
      };
      await assert.rejects(run('--all', '--json'), /PERMISSION_DENIED/);
      const { deadLetters, summary } = JSON.parse(output);
      assert.deepEqual([deadLetters.length, summary.published, summary.failed], [1, 1, 0]);
    });
  });
});
