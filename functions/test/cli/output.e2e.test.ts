// Attacks: ids, actors and errors that steer the terminal they are printed to, or pass for lines of their own.
import assert from 'node:assert/strict';
import type { Firestore } from 'firebase-admin/firestore';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { failureData, failureFrom, failureRef } from '../../src/deadLetters/failure.ts';
import { connectFirestore } from '../relay/fixtures/doubles.ts';
import { startCommand } from './commandProcess.fixture.ts';

const hostile = 'p1\u001b[2J\u202e\n9 published.\u009b31m';

describe('what a command prints', () => {
  let server: FirestoreServer;
  let firestore: Firestore;
  before(async () => {
    server = await startFirestoreServer();
    firestore = connectFirestore(server, 'demo-cli');
    const attributes = { projectId: hostile, reason: hostile, error: hostile };
    const failure = failureFrom({ data: Buffer.from(hostile), attributes }, undefined, 0);
    await failureRef(firestore, hostile).set(failureData({ ...failure, id: hostile }));
  });
  after(async () => {
    await firestore.terminate();
    await server.close();
  });

  async function run(line: string): Promise<string> {
    const command = startCommand(line, { FIRESTORE_EMULATOR_HOST: server.host });
    await command.ended;
    for (const printed of command.output().split('\n')) {
      assert.doesNotMatch(printed, /[\p{Cc}\p{Bidi_Control}]/u);
      assert.doesNotMatch(printed, /^9 published/);
    }
    return command.output();
  }

  it('shows control characters instead of sending them to the terminal', async () => {
    assert.match(await run('redrive --all --dry-run'), /p1\\u001b\[2J\\u202e\\u000a9 published\.\\u009b31m/);
    assert.match(await run('redrive --event no\u001b[31m --dry-run'), /no dead letter of event "no\\u001b\[31m"/);
    assert.match(await run('redrive --\u001b[31m'), /unknown option '--\\u001b\[31m'/);
  });

  it('prints JSON that reads back as it was', async () => {
    const { deadLetters } = JSON.parse(await run('redrive --all --dry-run --json'));
    assert.deepEqual([deadLetters[0].id, deadLetters[0].error], [hostile, hostile]);
  });

  it('ends without a stack trace when nobody reads it any more, as behind "| head"', async () => {
    // More than a page: it reads on after its first lines.
    const failure = failureFrom({ data: Buffer.from('x'), attributes: {} }, undefined, 0);
    for (let index = 0; index < 40; index += 1) {
      await failureRef(firestore, `f${index}`).set(failureData({ ...failure, id: `f${index}` }));
    }
    const command = startCommand('redrive --all --dry-run', { FIRESTORE_EMULATOR_HOST: server.host });
    command.child.stdout?.destroy();
    assert.equal(await command.ended, 141, command.stderr());
    assert.equal(command.stderr(), '');
  });
});
