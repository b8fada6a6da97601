import assert from 'node:assert/strict';
import { ConfigError, defineConfig } from '../../src/config/defineConfig.ts';
import { watchedDocuments, watchName } from '../../src/config/watched.ts';

describe('the function that watches a collection', () => {
  for (const [path, name] of [
    ['storyboards', 'storyboards'],
    ['tenants/{tenantId}/storyboards', 'tenantsStoryboards'],
    ['tenants/t1/story-boards', 'tenantsT1StoryBoards'],
    ['media_files', 'mediaFiles'],
  ] as const) {
    it(`of ${path} is named ${name}`, () => {
      assert.equal(watchName({ name: path }), name);
      assert.equal(watchedDocuments({ name: path }), `${path}/{lockstepAsset}`);
    });
  }

  it('is refused the name of another one, in whatever case: they would be one service', () => {
    const collections = ['media-files', 'mediafiles'].map((path) => ({ path, projectId: 'projectId', guard: true }));
    const define = (of: typeof collections) =>
      defineConfig({ source: { database: 'd', collection: 'projects' }, collections: of });
    assert.throws(
      () => define(collections),
      (error) =>
        error instanceof ConfigError &&
        /^collections\[1\]\.guard: .*like that of "media-files"/.test(error.problems[0] ?? ''),
    );
    assert.equal(
      define(collections.map((collection, index) => ({ ...collection, guard: index === 0 }))).collections.length,
      2,
    );
  });
});
