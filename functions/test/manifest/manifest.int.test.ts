// The manifest of the built bundle, as `firebase deploy` reads it: attacks "what is deployed is what was meant",
// function by function.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { discover } from './discover.ts';
import { manifestTables } from './manifestTables.ts';

const functionsDir = join(import.meta.dirname, '..', '..');

const paramsSchema = z.object({
  params: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      default: z.union([z.string(), z.number()]).optional(),
    }),
  ),
});

/** What is meant. `$NAME` is a parameter; `default` is what the platform takes by itself (for `at once` 80, for `min`
 *  0); nothing: not set. */
const intended = `
function            | trigger                                 | delivery          | account               | secrets     | region
deliverAlert        | topic $ALERTS_TOPIC                     | until it succeeds | lockstep-alerts@      |             | $LOCKSTEP_REGION
operations          | requests                                | of public         | lockstep-operations@  |             | $LOCKSTEP_REGION
reconcileAssets     | schedule $RECONCILE_SCHEDULE            | 3 retries         | lockstep-reconcile@   |             | $LOCKSTEP_REGION
reconcileOnRequest  | topic $RECONCILIATION_REQUESTS_TOPIC    | until it succeeds | lockstep-reconcile@   | MONGODB_URI | $LOCKSTEP_REGION
recordDeadLetter    | topic $PROJECT_EVENTS_DEAD_LETTER_TOPIC | until it succeeds | lockstep-dead-letter@ |             | $LOCKSTEP_REGION
relayProjectChanges | schedule $RELAY_SCHEDULE                | 3 retries         | lockstep-relay@       | MONGODB_URI | $LOCKSTEP_REGION
relayShard-2        | schedule $RELAY_SCHEDULE                | 3 retries         | lockstep-relay@       | MONGODB_URI | $LOCKSTEP_REGION
relayShard-3        | schedule $RELAY_SCHEDULE                | 3 retries         | lockstep-relay@       | MONGODB_URI | $LOCKSTEP_REGION
relayShard-4        | schedule $RELAY_SCHEDULE                | 3 retries         | lockstep-relay@       | MONGODB_URI | $LOCKSTEP_REGION
relayShard-5        | schedule $RELAY_SCHEDULE                | 3 retries         | lockstep-relay@       | MONGODB_URI | $LOCKSTEP_REGION
relayShard-6        | schedule $RELAY_SCHEDULE                | 3 retries         | lockstep-relay@       | MONGODB_URI | $LOCKSTEP_REGION
relayShard-7        | schedule $RELAY_SCHEDULE                | 3 retries         | lockstep-relay@       | MONGODB_URI | $LOCKSTEP_REGION
relayShard-8        | schedule $RELAY_SCHEDULE                | 3 retries         | lockstep-relay@       | MONGODB_URI | $LOCKSTEP_REGION
syncDeletions       | topic $DELETIONS_TOPIC                  | until it succeeds | lockstep-sync@        | MONGODB_URI | $LOCKSTEP_REGION
syncProject         | topic $PROJECT_EVENTS_TOPIC             | until it succeeds | lockstep-sync@        | MONGODB_URI | $LOCKSTEP_REGION

function            | seconds | MiB | CPU | at once | min     | max
deliverAlert        | 120     | 256 |     | 1       | default | 3
operations          | 60      | 512 | 1   | 40      | default | 3
reconcileAssets     | 60      | 256 |     | default | default | 1
reconcileOnRequest  | 540     | 512 | 1   | 1       | default | 1
recordDeadLetter    | 60      | 512 |     | 4       | default | 5
relayProjectChanges | 1800    | 512 | 1   | 1       | default | 2
relayShard-2        | 1800    | 512 | 1   | 1       | default | 2
relayShard-3        | 1800    | 512 | 1   | 1       | default | 2
relayShard-4        | 1800    | 512 | 1   | 1       | default | 2
relayShard-5        | 1800    | 512 | 1   | 1       | default | 2
relayShard-6        | 1800    | 512 | 1   | 1       | default | 2
relayShard-7        | 1800    | 512 | 1   | 1       | default | 2
relayShard-8        | 1800    | 512 | 1   | 1       | default | 2
syncDeletions       | 540     | 512 | 1   | 80      | default | 20
syncProject         | 540     | 512 | 1   | 80      | default | 20

function     | omitted
relayShard-2 | $RELAY_SHARDS < 2
relayShard-3 | $RELAY_SHARDS < 3
relayShard-4 | $RELAY_SHARDS < 4
relayShard-5 | $RELAY_SHARDS < 5
relayShard-6 | $RELAY_SHARDS < 6
relayShard-7 | $RELAY_SHARDS < 7
relayShard-8 | $RELAY_SHARDS < 8

parameter                        | type   | default                    | choices
MONGODB_URI                      | secret | asked for                  |
LOCKSTEP_REGION                  | string | us-central1                |
FIRESTORE_DATABASE               | string | (default)                  |
PROJECT_EVENTS_TOPIC             | string | project-events             |
DELETIONS_TOPIC                  | string | project-deletions          |
PROJECT_EVENTS_DEAD_LETTER_TOPIC | string | project-events-dead-letter |
RECONCILIATION_REQUESTS_TOPIC    | string | reconciliation-requests    |
ALERTS_TOPIC                     | string | sync-alerts                |
PROJECT_CONVERGED_TOPIC          | string | project-converged          |
RELAY_SCHEDULE                   | string | * * * * *                  |
RELAY_BUDGET_SECONDS             | int    | 1740                       |
RELAY_SHARDS                     | int    | 1                          |
SYNC_BUDGET_SECONDS              | int    | 480                        |
SYNC_MAX_ATTEMPTS                | int    | 10                         |
SYNC_LEASE_SECONDS               | int    | 60                         |
HOLD_WINDOW_MINUTES              | int    | 10                         |
HOLD_MAX_PROJECTS                | int    | 100                        |
HOLD_MAX_SHARE_PERCENT           | int    | 1                          |
RECONCILE_SCHEDULE               | string | every day 03:00            |
RECONCILE_BUDGET_SECONDS         | int    | 480                        |
RECONCILE_GRACE_MINUTES          | int    | 60                         |
JOB_RETENTION_DAYS               | int    | 90                         |
HISTORY_DAYS                     | int    | 30                         |
RECONCILE_MODE                   | string | report                     | report, clean
SYNC_MODE                        | string | live                       | live, shadow
OPERATIONS_APP_CHECK             | string | off                        | off, required
ARCHIVE_BUCKET                   | string |                            |
ARCHIVE_COLD_DAYS                | int    | 7                          |
FILES_BUCKET                     | string |                            |
FILES_PREFIX                     | string |                            |
FILES_GRACE_MINUTES              | int    | 60                         |

API                           | why
cloudscheduler.googleapis.com | Needed for scheduled functions.
`.trim();

/** Every way to change one value of a nested structure: to another value, to nothing, and with something added. */
function* mutations(value: unknown): Generator<{ readonly what: string; readonly mutant: unknown }> {
  if (typeof value === 'object' && value !== null) {
    yield Array.isArray(value)
      ? { what: '[+]', mutant: [...value, { added: true }] }
      : { what: '{+}', mutant: { ...value, added: true } };
    for (const [key, member] of Object.entries(value)) {
      const replaced = (mutant: unknown) =>
        Array.isArray(value) ? value.with(Number(key), mutant) : { ...value, [key]: mutant };
      const { [key]: _left, ...others } = Object.fromEntries(Object.entries(value));
      yield { what: `${key} gone`, mutant: Array.isArray(value) ? value.toSpliced(Number(key), 1) : others };
      for (const { what, mutant } of mutations(member)) yield { what: `${key}.${what}`, mutant: replaced(mutant) };
    }
    return;
  }
  if (typeof value === 'number') yield { what: '+1', mutant: value + 1 };
  else if (typeof value === 'boolean') yield { what: 'turned', mutant: !value };
  else if (value === null) yield { what: '1', mutant: 1 };
  else yield { what: 'other text', mutant: `other ${String(value)}` };
}

function isAsIntended(manifest: unknown): boolean {
  try {
    return manifestTables(manifest) === intended;
  } catch {
    // It holds what no table has a place for.
    return false;
  }
}

describe('the deployment manifest', () => {
  let manifest: unknown;

  before(async () => {
    assert.ok(
      existsSync(join(functionsDir, 'lib', 'index.js')),
      'nothing is built; run: npm --prefix functions run build',
    );
    const { outcome } = await discover(functionsDir);
    assert.equal(outcome.kind, 'manifest', outcome.kind === 'failed' ? outcome.why : '');
    if (outcome.kind === 'manifest') manifest = outcome.manifest;
  });

  it('is what is meant, function by function', () => {
    assert.equal(manifestTables(manifest), intended);
  });

  it('leaves nothing for a deployment to ask: each parameter has its default in functions/.env', () => {
    const { params } = paramsSchema.parse(manifest);
    const plain = params.filter(({ type }) => type !== 'secret');
    assert.ok(plain.length > 20);
    const { NODE_OPTIONS: _options, ...set } = parseEnv(readFileSync(join(functionsDir, '.env'), 'utf8'));
    assert.deepEqual(set, Object.fromEntries(plain.map(({ name, default: value }) => [name, String(value)])));
  });

  it('would not pass with any single value of it changed, missing or added', () => {
    const unnoticed = [...mutations(manifest)].filter(({ mutant }) => isAsIntended(mutant)).map(({ what }) => what);
    // The wording is free.
    assert.deepEqual(
      unnoticed.filter((what) => !/^params\.\d+\.description/.test(what)),
      [],
    );
    assert.ok(unnoticed.length > 0, 'not even descriptions can be changed: the comparison refuses everything');
  });
});
