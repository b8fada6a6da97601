// The export of the audit since a time: attacks "an entry is left out because clocks differ".
import assert from 'node:assert/strict';
import { createTransact } from '../../src/operations/transact.ts';
import { operator } from '../operations/operations.fixture.ts';
import { steppedClock } from '../support/clock.ts';
import { type ApiFixture, requestTo, startApi } from './api.fixture.ts';

describe('the export of the audit since a time', () => {
  let fixture: ApiFixture;
  beforeEach(async () => {
    fixture = await startApi();
  });
  afterEach(() => fixture.close());

  it('has every entry of that time or later, though the clock of whoever wrote one was behind', async () => {
    const { firestore, events } = fixture;
    const start = steppedClock().now();
    for (const ms of [0, 2_000, 1_000, 3_000]) {
      const clock = steppedClock(start + ms);
      const by = { actor: operator, action: 'test', reason: 'r' };
      const transact = createTransact({ firestore, clock, publisherTo: async () => events }, by);
      await transact(async (_transaction, trace) =>
        trace.record({ target: 't', before: null, after: null, result: 'done' }),
      );
    }
    const path = `/api/audit/export?since=${start + 500}`;
    const text = await (await fixture.instance()(requestTo(path, fixture.token('local-viewer')))).text();
    const sequences = text
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line).sequence);
    assert.deepEqual(sequences.toSorted(), [2, 3, 4]);
  });
});
