import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import config from '../../src/lockstep.config.ts';
import { requiredIndexes } from '../../src/reconcile/requiredIndexes.ts';

const indexesFile = z.object({
  indexes: z.array(z.looseObject({ collectionGroup: z.string() })),
  fieldOverrides: z.array(
    z.looseObject({
      collectionGroup: z.string(),
      fieldPath: z.string(),
      indexes: z.array(z.record(z.string(), z.string())),
    }),
  ),
});

/** The order of keys in the file does not matter. */
const sameKeys = (entry: object) => JSON.stringify(Object.entries(entry).toSorted(([a], [b]) => (a < b ? -1 : 1)));

describe('firestore.indexes.json', () => {
  const path = new URL('../../../firestore.indexes.json', import.meta.url);
  const file = indexesFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  const required = requiredIndexes(config);

  for (const index of required.indexes) {
    it(`has the index over the project id and the copies of ${index.collectionGroup}`, () => {
      assert.ok(file.indexes.some((known) => sameKeys(known) === sameKeys(index)));
    });
  }

  for (const override of required.fieldOverrides) {
    it(`indexes ${override.fieldPath} for the collection group ${override.collectionGroup}`, () => {
      const known = file.fieldOverrides.find(
        ({ collectionGroup, fieldPath }) =>
          collectionGroup === override.collectionGroup && fieldPath === override.fieldPath,
      );
      assert.ok(known);
      const there = known.indexes.map(sameKeys);
      for (const index of override.indexes) assert.ok(there.includes(sameKeys(index)), JSON.stringify(index));
    });
  }
});
