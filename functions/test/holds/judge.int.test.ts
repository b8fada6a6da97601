// Attacks I8: whatever the size of an installation, a mass deletion is held as soon as it is beyond the limit, and not
// before.
import assert from 'node:assert/strict';
import { type JudgeDependencies, judgeDeletion } from '../../src/holds/judge.ts';
import { defaultHoldLimits } from '../../src/holds/limits.ts';
import { emptyProjectRecord, projectRecordData, projectRecordRef } from '../../src/records/projectRecord.ts';
import { type AdminClient, startAdminClient } from '../local/servers/firestore/adminClient.ts';
import { manualClock } from '../support/clock.ts';
import { installations } from './installations.ts';

const now = 1_800_000_000_000;

describe('the judge of deletions', () => {
  let client: AdminClient;
  before(async () => {
    client = await startAdminClient();
  });
  beforeEach(() => client.server.clear());
  after(() => client.close());

  const recordOf = (projectId: string, deletedAt: number | null) => ({ ...emptyProjectRecord(projectId), deletedAt });

  /** Records of projects that were deleted at one time; of one whose deletion MongoDB has contradicted, null. */
  async function deleted(count: number, deletedAt: number | null = now, prefix = 'gone'): Promise<void> {
    for (let at = 0; at < count; at += 500) {
      const batch = client.db.batch();
      for (let number = at; number < Math.min(count, at + 500); number += 1) {
        const record = recordOf(`${prefix}-${number}`, deletedAt);
        batch.set(projectRecordRef(client.db, record.projectId), projectRecordData(record));
      }
      await batch.commit();
    }
  }

  function judge(left: number, limits = defaultHoldLimits) {
    const dependencies: JudgeDependencies = {
      firestore: client.db,
      clock: manualClock(now),
      limits: { hold: limits },
      countProjects: async () => left,
    };
    return judgeDeletion(dependencies, recordOf('gone-0', now));
  }

  for (const { projects, allowed } of installations) {
    it(`allows ${allowed} of ${projects} projects`, async () => {
      await deleted(allowed);
      assert.equal((await judge(projects - allowed)).kind, 'within-limits');
    });

    if (allowed === projects) continue;
    it(`holds ${allowed + 1} of ${projects} projects`, async () => {
      const deletions = allowed + 1;
      await deleted(deletions);
      const judgement = await judge(projects - deletions);
      assert.equal(judgement.kind, 'too-many');
      assert.ok(judgement.deletions > judgement.allowed);
    });
  }

  it('holds 100 of 101 projects as it holds all of 100', async () => {
    await deleted(100);
    for (const left of [0, 1]) assert.equal((await judge(left)).kind, 'too-many');
  });

  it('does not count deletions that MongoDB has contradicted, nor those outside of the window', async () => {
    await deleted(101, null, 'invented');
    await deleted(50, now - defaultHoldLimits.windowMs - 1, 'earlier');
    await deleted(1);
    assert.equal((await judge(100)).kind, 'within-limits');
  });
});
