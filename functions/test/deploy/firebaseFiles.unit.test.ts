// The files that Firebase reads, held against the configuration: attacks "tombstones expire", "what nobody queries is
// not indexed" and "what is deployed is what was tested". That every query of the reconciliation has its index is held
// by test/reconcile/.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { recordCollections } from '../../src/config/defineConfig.ts';
import lockstepConfig from '../../src/lockstep.config.ts';
import { findingsCollection } from '../../src/reconcile/jobRecord.ts';

const readJson = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8'));

/** https://firebase.google.com/docs/reference/firestore/indexes; strict, so that a misspelt key does not pass. */
const scope = z.enum(['COLLECTION', 'COLLECTION_GROUP']);
const order = z.enum(['ASCENDING', 'DESCENDING']);
const indexesSchema = z.strictObject({
  indexes: z.array(
    z.strictObject({
      collectionGroup: z.string(),
      queryScope: scope,
      fields: z.array(z.strictObject({ fieldPath: z.string(), order })).min(2),
    }),
  ),
  fieldOverrides: z.array(
    z.strictObject({
      collectionGroup: z.string(),
      fieldPath: z.string(),
      ttl: z.boolean().optional(),
      indexes: z.array(z.strictObject({ queryScope: scope, order })),
    }),
  ),
});

const { fieldOverrides } = indexesSchema.parse(readJson('firestore.indexes.json'));

describe('firestore.indexes.json', () => {
  it('indexes the project id of every collection group in both directions', () => {
    // The work on a project asks for its last asset; Firestore makes indexes for groups only where it is told to.
    for (const group of lockstepConfig.collections.filter(({ kind }) => kind === 'group')) {
      const override = fieldOverrides.find((o) => o.collectionGroup === group.name && o.fieldPath === group.projectId);
      const orders = override?.indexes
        .filter((index) => index.queryScope === 'COLLECTION_GROUP')
        .map((index) => index.order);
      assert.deepEqual(orders?.sort(), ['ASCENDING', 'DESCENDING'], group.name);
    }
  });

  it('lets tombstones, jobs, redriven dead letters, the history, measures and closed alerts expire, and no audit', () => {
    const ttl = fieldOverrides.filter((override) => override.ttl);
    assert.deepEqual(
      ttl,
      ['syncProjects', 'syncJobs', 'syncFailures', 'syncMeasures', 'syncAlerts', 'syncEvents'].map(
        (collectionGroup) => ({
          collectionGroup,
          fieldPath: 'expireAt',
          ttl: true,
          indexes: [],
        }),
      ),
    );
  });

  it('keeps no index of what nobody queries in the records, and exempts no asset', () => {
    const exempt = fieldOverrides.filter((override) => override.indexes.length === 0);
    const own: readonly string[] = [...Object.values(recordCollections), findingsCollection];
    for (const { collectionGroup } of exempt) assert.ok(own.includes(collectionGroup), collectionGroup);
    for (const field of ['desired', 'lease', 'progress', 'attempts']) {
      assert.ok(
        exempt.some((o) => o.collectionGroup === 'syncProjects' && o.fieldPath === field),
        field,
      );
    }
  });

  it('names no field twice', () => {
    const names = fieldOverrides.map(({ collectionGroup, fieldPath }) => `${collectionGroup} ${fieldPath}`);
    assert.equal(new Set(names).size, names.length);
  });
});

describe('firebase.json', () => {
  const firebase = z
    .object({
      functions: z.tuple([
        z.object({
          source: z.string(),
          runtime: z.string(),
          predeploy: z.array(z.string()),
          ignore: z.array(z.string()),
        }),
      ]),
      firestore: z.object({ rules: z.string(), indexes: z.string() }),
      emulators: z.object({
        functions: z.object({ port: z.number() }),
        firestore: z.object({ port: z.number() }),
        pubsub: z.object({ port: z.number() }),
        ui: z.object({ enabled: z.literal(false) }),
      }),
    })
    .parse(readJson('firebase.json'));

  it('deploys the functions on the Node that package.json names, built first', () => {
    const { engines } = z
      .object({ engines: z.object({ node: z.string() }) })
      .parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')));
    const [functions] = firebase.functions;
    assert.equal(functions.source, 'functions');
    assert.equal(functions.runtime, `nodejs${engines.node}`);
    assert.deepEqual(functions.predeploy, ['npm --prefix "$RESOURCE_DIR" run build']);
  });

  it("puts the emulators on the services' own ports", () => {
    const { functions, firestore, pubsub } = firebase.emulators;
    assert.deepEqual([functions.port, firestore.port, pubsub.port], [5001, 8080, 8085]);
  });

  it('uses a project that cannot exist until one is chosen', () => {
    const { projects } = z.object({ projects: z.object({ default: z.string() }) }).parse(readJson('.firebaserc'));
    assert.match(projects.default, /^demo-/);
  });
});
