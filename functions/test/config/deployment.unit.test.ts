// A parameter that would do nothing, or harm, is refused when the function starts, by its name.
import assert from 'node:assert/strict';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { checkDeployment, DeploymentError } from '../../src/config/deployment.ts';
import { setVariables } from '../support/variables.ts';

const media = { path: 'media', projectId: 'projectId' };

function problemOf(variables: Readonly<Record<string, string>>, collection: object = {}): string {
  const config = defineConfig({
    source: { database: 'collaboration', collection: 'projects' },
    collections: [{ ...media, ...collection }],
  });
  const restore = setVariables(variables);
  try {
    checkDeployment(config);
    return '';
  } catch (error) {
    assert.ok(error instanceof DeploymentError);
    return error.message;
  } finally {
    restore();
  }
}

describe('parameters of a deployment', () => {
  it('are fine as they are by themselves, and at their limits', () => {
    assert.equal(problemOf({}), '');
    const limits = {
      RELAY_BUDGET_SECONDS: '1790',
      RELAY_SHARDS: '8',
      SYNC_BUDGET_SECONDS: '530',
      RECONCILE_BUDGET_SECONDS: '530',
      SYNC_MAX_ATTEMPTS: '99',
      HOLD_MAX_PROJECTS: '0',
      HOLD_MAX_SHARE_PERCENT: '100',
      FIRESTORE_DATABASE: 'studio',
      ARCHIVE_BUCKET: 'acme-archive',
      ARCHIVE_COLD_DAYS: '0',
      FILES_BUCKET: 'acme.firebasestorage.app',
      FILES_PREFIX: 'projects/',
    };
    assert.equal(problemOf(limits), '');
  });

  for (const [name, value, problem] of [
    ['RELAY_BUDGET_SECONDS', '1800', 'expected at most 1790'],
    ['RELAY_SHARDS', '0', 'at least 1'],
    ['RELAY_SHARDS', '9', 'expected at most 8'],
    ['SYNC_BUDGET_SECONDS', '540', 'expected at most 530'],
    ['SYNC_BUDGET_SECONDS', '0', 'at least 1'],
    ['RECONCILE_BUDGET_SECONDS', '3600', 'expected at most 530'],
    ['SYNC_MAX_ATTEMPTS', '100', 'expected at most 99'],
    ['SYNC_LEASE_SECONDS', '541', 'expected at most 540'],
    ['HOLD_WINDOW_MINUTES', '0', 'at least 1'],
    ['HOLD_WINDOW_MINUTES', '129601', 'expected at most 129600'],
    ['HOLD_MAX_PROJECTS', '-1', 'at least 0'],
    ['HOLD_MAX_PROJECTS', ' ', 'a whole number of at least 0, received " "'],
    ['HOLD_MAX_SHARE_PERCENT', '101', 'expected at most 100'],
    ['HOLD_MAX_SHARE_PERCENT', '0.5', 'whole number'],
    ['RECONCILE_GRACE_MINUTES', '129601', 'expected at most 129600'],
    ['RECONCILE_MODE', 'delete', '"report" or "clean"'],
    ['HISTORY_DAYS', '-1', 'a whole number of at least 0'],
    ['JOB_RETENTION_DAYS', '3651', 'expected at most 3650'],
    ['FIRESTORE_DATABASE', 'Studio', 'not the id of a database'],
    ['FIRESTORE_DATABASE', 'studio ', 'not the id of a database'],
    ['LOCKSTEP_REGION', 'europe', 'not a region'],
    ['ARCHIVE_BUCKET', 'gs://acme', 'not the name of a bucket'],
    ['ARCHIVE_COLD_DAYS', '-1', 'a whole number of at least 0'],
    ['FILES_BUCKET', 'Acme', 'not the name of a bucket'],
    ['FILES_PREFIX', '/projects', 'not a folder of a bucket'],
    ['FILES_PREFIX', 'projects', 'not a folder of a bucket'],
    ['FILES_PREFIX', 'projects/../', 'not a folder of a bucket'],
    ['FILES_GRACE_MINUTES', '-1', 'whole number'],
    ['PROJECT_EVENTS_TOPIC', 'my events', 'not the name of a topic'],
  ] as const) {
    it(`${name}=${value} is refused`, () => {
      const message = problemOf({ [name]: value });
      assert.ok(message.includes(`\n  ${name}: `), message);
      assert.ok(message.includes(problem), message);
    });
  }

  it('give every topic a name of its own: a function that publishes to its own trigger calls itself', () => {
    const message = problemOf({ PROJECT_EVENTS_DEAD_LETTER_TOPIC: 'project-events' });
    assert.match(message, /PROJECT_EVENTS_\w*TOPIC and PROJECT_EVENTS_\w*TOPIC: both are "project-events"/);
    assert.match(problemOf({ RECONCILIATION_REQUESTS_TOPIC: 'project-events' }), /RECONCILIATION_REQUESTS_TOPIC/);
    assert.match(problemOf({ PROJECT_CONVERGED_TOPIC: 'project-events' }), /PROJECT_CONVERGED_TOPIC/);
    assert.match(problemOf({ DELETIONS_TOPIC: 'project-events' }), /DELETIONS_TOPIC/);
  });

  it('name a bucket where the configuration needs one, and one of its own for the archive', () => {
    const files = { files: ['imageUrl'] };
    assert.match(problemOf({}, files), /FILES_BUCKET: empty, but "media" has files/);
    assert.match(problemOf({ FILES_BUCKET: 'acme' }, files), /FILES_PREFIX: empty, but "media" has files/);
    assert.equal(problemOf({ FILES_BUCKET: 'acme', FILES_PREFIX: 'media/' }, files), '');
    assert.match(problemOf({ FILES_BUCKET: 'acme', ARCHIVE_BUCKET: 'acme' }), /both are "acme"/);
  });

  it('move to cold storage what is archived longer than that', () => {
    const archived = { onDelete: 'archive', retention: { days: 7 } } as const;
    const bucket = { ARCHIVE_BUCKET: 'acme' };
    assert.match(problemOf(bucket, archived), /ARCHIVE_COLD_DAYS: 7, but nothing is archived for more than 7 days/);
    assert.equal(problemOf({ ...bucket, ARCHIVE_COLD_DAYS: '6' }, archived), '');
    assert.equal(problemOf({}, archived), '', 'nothing moves without a bucket');
  });

  it('are all named at once', () => {
    const message = problemOf({ SYNC_BUDGET_SECONDS: '900', HOLD_WINDOW_MINUTES: 'ten' });
    assert.match(message, /SYNC_BUDGET_SECONDS: expected at most/);
    assert.match(message, /HOLD_WINDOW_MINUTES: expected a whole number/);
  });

  it('are checked before the first invocation of a function', async () => {
    const restore = setVariables({ HOLD_WINDOW_MINUTES: 'ten' });
    try {
      const { recordDeadLetter } = await import('../../src/index.ts');
      const event = {
        specversion: '1.0',
        id: '1',
        source: 's',
        type: 't',
        time: '2026-11-22T03:00:00Z',
        data: { message: { data: '' } },
      } as const;
      await assert.rejects(async () => recordDeadLetter(event), DeploymentError);
    } finally {
      restore();
    }
  });
});
