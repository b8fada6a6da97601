// What `npm run holds` prints and how it ends, on a real client and a local Firestore.
import assert from 'node:assert/strict';
import { readInvocation } from '../../src/cli/command.ts';
import { decideHolds, exitCodes, type HoldsDependencies, holds, listHolds } from '../../src/cli/holds.ts';
import { dayMs } from '../../src/clock.ts';
import type { ProjectEvent } from '../../src/events/contract.ts';
import { defaultHoldLimits } from '../../src/holds/limits.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';

describe('npm run holds', () => {
  let fixture: SyncFixture;
  let held: ProjectEvent[];
  let output: string;
  let warnings: string;

  /** Three deletions are held: of `p1` to `p3`, each with one asset more than the one before. */
  beforeEach(async () => {
    fixture = await startSyncFixture({ limits: { hold: { ...defaultHoldLimits, maxProjects: 1 } } });
    held = [1, 2, 3].map((number) => {
      const deletion = event('ProjectDeleted', `p${number}`);
      return { ...deletion, origin: { ...deletion.origin, ...(number < 3 && { actor: `user-${number}` }) } };
    });
    await fixture.deliver(event('ProjectDeleted', 'first'));
    for (const [index, deletion] of held.entries()) {
      for (let asset = 0; asset <= index; asset += 1) {
        await fixture.firestore.doc(`media/${deletion.projectId}-${asset}`).set({ projectId: deletion.projectId });
      }
      await fixture.deliver(deletion);
    }
    output = '';
    warnings = '';
  });
  afterEach(() => fixture.close());

  async function run(line: string, change: Partial<HoldsDependencies> = {}): Promise<number> {
    const decides = !line.startsWith('list');
    const asks = change.ask !== undefined;
    const added = decides ? ['--reason', 'repaired', '--as', 'olga', ...(asks ? [] : ['--yes'])] : [];
    const settings = readInvocation(holds, [...line.split(' '), ...added], { GCLOUD_PROJECT: 'demo-test' });
    assert.equal(settings.kind, 'run');
    if (settings.kind !== 'run') return exitCodes.usage;
    output = '';
    warnings = '';
    const command: HoldsDependencies = {
      services: {
        ...fixture.dependencies,
        publisherTo: async () => fixture.events,
        retentionMs: 90 * dayMs,
      },
      pageSize: 2,
      note: () => undefined,
      askText: undefined,
      truth: fixture.dependencies.truth,
      print: (text) => {
        output += `${text}\n`;
      },
      warn: (text) => {
        warnings += `${text}\n`;
      },
      ask: undefined,
      inTime: (answer) => answer,
      ...change,
    };
    const { action } = settings.settings;
    return action.kind === 'list' ? listHolds(command, action) : decideHolds(command, action);
  }

  const published = () => fixture.events.messages.map(({ attributes }) => attributes.projectId);

  it('lists project, since when, assets, who deleted it, and whether MongoDB has it', async () => {
    fixture.alive.set('p2', {});
    assert.equal(await run('list'), exitCodes.done);
    const rows = output.split('\n').map((row) => row.split(/ {2,}/));
    const since = '2026-11-22T00:00:00Z';
    assert.deepEqual(rows.slice(0, 4), [
      ['project', 'held since', 'assets', 'deleted by', 'in MongoDB', 'status'],
      ['p1', since, '1', 'user-1', 'gone', 'held'],
      ['p2', since, '2', 'user-2', 'lives', 'held'],
      ['p3', since, '3', '-', 'gone', 'held'],
    ]);
    assert.match(output, /^3 held, 6 assets\. To carry out: .*release --all$/m);
  });

  it('lists as one JSON array', async () => {
    assert.equal(await run('list --json'), exitCodes.done);
    const listed = JSON.parse(output);
    assert.equal(listed.length, 3);
    assert.deepEqual(listed[0], {
      projectId: 'p1',
      eventId: held[0]?.id,
      status: 'held',
      since: '2026-11-22T00:00:00.000Z',
      assets: 1,
      actor: 'user-1',
      mongodb: 'gone',
    });
    await run('discard --all');
    assert.equal(await run('list --json'), exitCodes.done);
    assert.deepEqual(JSON.parse(output), []);
  });

  it('says that it does not know where MongoDB cannot be asked, and decides all the same', async () => {
    await run('list', { truth: undefined });
    assert.match(output, /^p1 .* unknown /m);
    assert.equal(await run('discard --project p1', { truth: undefined }), exitCodes.done);
    assert.match(output, /^p1: discarded, 1 asset stays; whether MongoDB has the project is not known$/m);
  });

  it('releases all, whose events are published again, and nothing twice', async () => {
    assert.equal(await run('release --all'), exitCodes.done);
    assert.deepEqual(published().sort(), ['p1', 'p2', 'p3']);
    assert.match(output, /^p3: released, 3 assets will be deleted$/m);
    assert.match(output, /^3 released\.$/m);
    assert.equal(await run('release --all'), exitCodes.done);
    assert.equal(output, '0 released.\n');
    assert.equal(published().length, 3);
    for (const message of fixture.events.messages) await fixture.deliverMessage(message);
    assert.equal((await fixture.documents('media')).size, 0);
  });

  it('releases one, and says so for another that is not held', async () => {
    assert.equal(await run('release --project p2 --project p9'), exitCodes.nothingHeld);
    assert.deepEqual(published(), ['p2']);
    assert.match(warnings, /no deletion of project p9 is held/);
  });

  it('discards, says that the project is gone in MongoDB, and lists it apart', async () => {
    assert.equal(await run('discard --project p1 --project p3'), exitCodes.done);
    assert.match(output, /^p3: discarded, 3 assets stay; the project is gone in MongoDB$/m);
    await run('list');
    assert.match(output, /^1 held, 2 assets/m);
    await run('list --discarded');
    assert.match(output, /^p1 .* discarded$/m);
    assert.match(output, /^2 discarded deletions, 4 assets kept\.$/m);
    assert.deepEqual(published(), []);
  });

  it('goes on past what fails, ends with an error, and is finished by the same command', async () => {
    fixture.events.failures.push(new Error('Pub/Sub is unavailable'));
    await fixture.firestore.doc('syncJobs/0-damaged').set({ status: 'held' });
    assert.equal(await run('release --all'), exitCodes.failed);
    assert.match(warnings, /syncJobs\/0-damaged does not keep a held deletion/);
    assert.match(warnings, /project p\d: Pub\/Sub is unavailable/);
    assert.equal(published().length, 2);
    await fixture.firestore.doc('syncJobs/0-damaged').delete();
    assert.equal(await run('release --all'), exitCodes.done);
    assert.equal(published().length, 3);
  });

  it('asks on a terminal before it decides, and takes no for an answer', async () => {
    const questions: string[] = [];
    const answering = (answer: boolean) => ({
      ask: async (question: string) => {
        questions.push(question);
        return answer;
      },
      askText: async () => 'unused',
    });
    assert.equal(await run('release --all', answering(false)), exitCodes.declined);
    assert.deepEqual(published(), []);
    assert.match(questions[0] ?? '', /This cannot be undone/);
    assert.equal(await run('release --project p1', answering(false)), exitCodes.declined);
    assert.equal(await run('discard --project p1 --yes', answering(false)), exitCodes.done);
    assert.equal(questions.length, 2);
    assert.equal(await run('discard --all', answering(true)), exitCodes.done);
    assert.equal(questions.length, 3);
    assert.match(output, /^2 discarded\.$/m);
  });

  it('does not discard what was released before', async () => {
    await run('release --project p1');
    assert.equal(await run('discard --project p1'), exitCodes.failed);
    assert.match(output, /was released before, so it cannot be discarded/);
  });
});
