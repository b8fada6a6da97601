// Verifying a real chain in Firestore: attacks "a page's end hides a break" and "what is appended meanwhile looks like
// one".
import assert from 'node:assert/strict';
import { parseAnchor } from '../../src/audit/anchor.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import { createTransact } from '../../src/operations/transact.ts';
import { type OperationsFixture, operator, startOperationsFixture } from '../operations/operations.fixture.ts';

describe('verification of the audit', () => {
  let fixture: OperationsFixture;
  beforeEach(async () => {
    fixture = await startOperationsFixture();
  });
  afterEach(() => fixture.close());

  async function append(count: number): Promise<void> {
    const transact = createTransact(fixture.services, { actor: operator, action: 'test', reason: 'r' });
    for (let index = 0; index < count; index += 1) {
      await transact(async (_transaction, trace) =>
        trace.record({ target: 't', before: null, after: [[index]], result: 'done' }),
      );
    }
  }
  const verify = (pageSize = 3) => verifyAudit({ firestore: fixture.firestore, pageSize });
  const entry = (sequence: number) => fixture.firestore.doc(`syncAudit/${String(sequence).padStart(12, '0')}`);

  it('is in order without an entry, with one, and over any number of pages; costs one read an entry', async () => {
    assert.deepEqual((await verify()).ok, true);
    for (const more of [1, 2, 4]) {
      await append(more);
      assert.equal((await verify()).ok, true);
    }
    const before = fixture.server.meter.snapshot().reads;
    await verify(100);
    assert.ok(fixture.server.meter.snapshot().reads - before <= 7 + 2);
  });

  for (const [what, tamper, after] of [
    ['changed', () => entry(4).update({ actor: 'somebody else' }), 3],
    ['given another field', () => entry(4).update({ note: 'x' }), 3],
    ['removed', () => entry(4).delete(), 3],
    ['removed at the end', () => entry(7).delete(), 6],
    ['removed at the beginning', () => entry(1).delete(), 0],
    [
      'inserted under another id',
      async () => fixture.firestore.doc('syncAudit/000000000004a').set((await entry(4).get()).data() ?? {}),
      4,
    ],
    ['inserted behind the end', async () => entry(8).set({ ...(await entry(7).get()).data(), sequence: 8 }), 7],
    [
      'swapped with another',
      async () => {
        const [a, b] = [(await entry(3).get()).data() ?? {}, (await entry(4).get()).data() ?? {}];
        await Promise.all([entry(3).set(b), entry(4).set(a)]);
      },
      2,
    ],
  ] as const) {
    it(`finds an entry that was ${what}, and says up to where all is well`, async () => {
      await append(7);
      await tamper();
      const verdict = await verify();
      assert.deepEqual([verdict.ok, !verdict.ok && verdict.sequence], [false, after], JSON.stringify(verdict));
    });
  }

  it('never takes for a break what is appended while it looks', async () => {
    let isOver = false;
    const appending = append(40).finally(() => {
      isOver = true;
    });
    while (!isOver) assert.deepEqual((await verify(2)).ok, true);
    await appending;
    assert.deepEqual((await verify()).ok, true);
  });

  it('reads an anchor as the log has it, and nothing else', () => {
    const hash = 'a'.repeat(64);
    assert.deepEqual(parseAnchor(`12:${hash}`), { sequence: 12, hash });
    for (const text of ['', '12', `x:${hash}`, `12:${hash}0`, `-1:${hash}`]) assert.equal(parseAnchor(text), undefined);
  });
});
