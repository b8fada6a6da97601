// The files that Firebase reads, held against the configuration: attacks "every query of the reconciliation has its index",
// "tombstones expire" and "what nobody queries is not indexed".
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { defineConfig, recordCollections } from '../../src/config/defineConfig.ts';
import lockstepConfig from '../../src/lockstep.config.ts';

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

const { indexes, fieldOverrides } = indexesSchema.parse(readJson('firestore.indexes.json'));

/** What the hops over (project id, copy) need, for a configuration. */
function missingIndexes(config: typeof lockstepConfig): string[] {
  return config.collections.flatMap((collection) => {
    const id = collection.name.split('/').at(-1);
    const queryScope = collection.kind === 'group' ? 'COLLECTION_GROUP' : 'COLLECTION';
    const missing = Object.values(collection.copies)
      .filter(
        (copy) =>
          !indexes.some(
            (index) =>
              index.collectionGroup === id &&
              index.queryScope === queryScope &&
              JSON.stringify(index.fields) ===
                JSON.stringify([
                  { fieldPath: collection.projectId, order: 'ASCENDING' },
                  { fieldPath: copy, order: 'ASCENDING' },
                ]),
          ),
      )
      .map((copy) => `${collection.name}: ${collection.projectId}, ${copy}`);
    // Firestore makes single-field indexes by itself, but only for collections, not for groups.
    const override = fieldOverrides.find((o) => o.collectionGroup === id && o.fieldPath === collection.projectId);
    const has = (wanted: string) =>
      override?.indexes.some((index) => index.queryScope === wanted && index.order === 'ASCENDING') ?? false;
    if (collection.kind === 'group' && !(has('COLLECTION_GROUP') && has('COLLECTION'))) missing.push(`group ${id}`);
    if (collection.kind === 'path' && override && !has('COLLECTION')) missing.push(`${id}: ${collection.projectId}`);
    return missing;
  });
}

describe('firestore.indexes.json', () => {
  it('has every index that the configured collections need', () => {
    assert.deepEqual(missingIndexes(lockstepConfig), []);
  });

  it('and the check notices one that is missing', () => {
    const { source } = lockstepConfig;
    const collections = [
      { path: 'storyboards', projectId: 'owner', copies: { name: 'projectName' } },
      { group: 'shots', projectId: 'projectId' },
    ];
    assert.deepEqual(
      missingIndexes(defineConfig({ source: { ...source, fields: ['name'], ids: ['objectId'] }, collections })),
      ['storyboards: owner, projectName', 'group shots'],
    );
  });

  it('lets tombstones expire', () => {
    const ttl = fieldOverrides.filter((override) => override.ttl);
    assert.deepEqual(ttl, [{ collectionGroup: 'syncProjects', fieldPath: 'expireAt', ttl: true, indexes: [] }]);
  });

  it('keeps no index of what nobody queries in the records, and exempts no asset', () => {
    const exempt = fieldOverrides.filter((override) => override.indexes.length === 0);
    const own: readonly string[] = Object.values(recordCollections);
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
