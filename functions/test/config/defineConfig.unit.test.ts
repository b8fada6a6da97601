import assert from 'node:assert/strict';
import { ConfigError, type ConfigInput, defineConfig } from '../../src/config/defineConfig.ts';
import shipped from '../../src/lockstep.config.ts';

const source = { database: 'd', collection: 'projects', fields: ['name', 'profile.title'] };

/** The problems of a configuration that TypeScript would not let pass: a JavaScript user can write it. */
function problemsOf(input: unknown): readonly string[] {
  try {
    defineConfig(input as ConfigInput);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

describe('defineConfig', () => {
  it('accepts what is shipped', () => {
    assert.ok(shipped.collections.some((collection) => collection.kind === 'group'));
    assert.ok(shipped.collections.some((collection) => collection.recursive));
  });

  it('names the path and the expected type of a mistake', () => {
    const wrongType = {
      source,
      collections: [
        { path: 'a', projectId: 'projectId' },
        { path: 'b', projectId: 'p', copies: { name: 7 } },
      ],
    };
    assert.deepEqual(problemsOf(wrongType), ['collections[1].copies.name: expected string, received number']);
    assert.match(problemsOf({ collections: [] }).join('\n'), /^source: expected object/);
    assert.match(
      problemsOf({ source, collections: [{ path: 'a' }] }).join(),
      /collections\[0\]\.projectId: expected string/,
    );
    assert.match(
      problemsOf({ source, collections: [{ path: 'a', projectId: 'p', typo: 1 }] }).join(),
      /collections\[0\].*typo/,
    );
  });

  it('tells every mistake at once', () => {
    assert.equal(
      problemsOf({ source: { ...source, database: '' }, collections: [{ path: 'a/b', projectId: '' }] }).length,
      3,
    );
  });

  it('refuses what would lose or mix up data', () => {
    const one = (collection: unknown) => problemsOf({ source, collections: [collection] }).join();
    assert.match(one({ path: 'a', group: 'b', projectId: 'p' }), /either "path" or "group"/);
    assert.match(
      one({ path: 'a', projectId: 'p', copies: { title: 't' } }),
      /not in source\.fields \(name, profile\.title\)/,
    );
    assert.match(one({ path: 'a', projectId: 'p', copies: { name: 'p' } }), /written over each other/);
    assert.match(one({ path: 'a', projectId: 'meta', copies: { name: 'meta.name' } }), /written over each other/);
    assert.match(one({ path: 'syncProjects', projectId: 'p' }), /holds records of Lockstep/);
    assert.match(one({ path: 'a', projectId: '__id__' }), /reserved/);
    assert.match(
      problemsOf({
        source,
        collections: [
          { group: 'x', projectId: 'p' },
          { path: 'a/b/x', projectId: 'p' },
        ],
      }).join(),
      /already covered by "x"/,
    );
    assert.match(
      problemsOf({ source: { ...source, fields: ['a', 'a.b'] }, collections: [{ path: 'a', projectId: 'p' }] }).join(),
      /already covered by "a"/,
    );
  });
});
