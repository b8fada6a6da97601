// The end of the chain as the page shows it, while others decide: attacks "what is appended meanwhile looks like a
// break".
import assert from 'node:assert/strict';
import { auditView } from '../../src/api/views/audit.ts';
import { createTransact } from '../../src/operations/transact.ts';
import { operator } from '../operations/operations.fixture.ts';
import { type ApiFixture, requestTo, startApi } from './api.fixture.ts';

describe('the audit on the page', () => {
  let fixture: ApiFixture;
  let api: ReturnType<ApiFixture['instance']>;
  beforeEach(async () => {
    fixture = await startApi();
    api = fixture.instance();
  });
  afterEach(() => fixture.close());

  async function append(count: number): Promise<void> {
    const { firestore, clock, events } = fixture;
    const transact = createTransact(
      { firestore, clock, publisherTo: async () => events },
      { actor: operator, action: 'test', reason: 'r' },
    );
    for (let index = 0; index < count; index += 1) {
      await transact(async (_transaction, trace) =>
        trace.record({ target: 't', before: null, after: index, result: 'done' }),
      );
    }
  }

  it('never calls broken what is appended while it looks', async () => {
    await append(1);
    let isOver = false;
    const appending = append(40).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      const answers = await Promise.all(
        [1, 2, 3].map(() => api(requestTo('/api/audit', fixture.token('local-viewer')))),
      );
      for (const answer of answers) assert.equal(auditView.parse(await answer.json()).problem, null);
    }
    await appending;
  });
});
