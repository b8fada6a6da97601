import assert from 'node:assert/strict';
import { ConfigError, type ConfigInput, defineConfig } from '../../src/config/defineConfig.ts';
import { liesIn, placeOf } from '../../src/config/place.ts';
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

  describe('refuses what would silently do nothing, with its path', () => {
    const asset = { projectId: 'projectId' };
    const collectionPaths: [path: string, problem: RegExp][] = [
      ['storyboards/s1', /odd number of segments/],
      ['/storyboards', /no empty segment/],
      ['a/b/', /no empty segment/],
      ['a/../storyboards', /"\.\." is no name/],
      ['./b/storyboards', /"\." is no name/],
      ['__all__', /reserved by Firestore/],
      ['tenants/__x__/storyboards', /reserved by Firestore/],
      ['tenants/*/storyboards', /"\*" is not a wildcard; write \{anyName\}/],
      ['story*', /not a wildcard/],
      ['{name}', /wildcard is a whole segment/],
      ['tenants/{t}/{collection}', /wildcard is a whole segment/],
      ['tenants/{path=**}/storyboards', /not a wildcard/],
      ['tenants/t-{id}/storyboards', /wildcard is a whole segment/],
      ['tenants/{id}/rooms/{id}/storyboards', /"\{id\}" is there twice/],
      // `match /tenants/{resource}/storyboards/{asset}`: no condition would see the asset any more.
      ['tenants/{resource}/storyboards', /another meaning in security rules/],
      ['tenants/{database}/storyboards', /another meaning in security rules/],
      ['tenants/{asset}/storyboards', /another meaning in security rules/],
      ['tenants/{in}/storyboards', /another meaning in security rules/],
      [' storyboards', /no blanks around "storyboards"/],
      ['tenants/ t1/storyboards', /no blanks around "t1"/],
      ['story\u200bboards', /invisible characters/],
      ['storyboards\n', /control or invisible/],
      ['story\ud800', /invisible/],
      ['é'.repeat(751), /at most 1500 bytes/],
      ['syncJobs/j1/storyboards', /"syncJobs" holds records/],
    ];
    for (const [path, problem] of collectionPaths) {
      it(`path ${JSON.stringify(path.slice(0, 40))}`, () => {
        const [first = '', ...more] = problemsOf({ source, collections: [{ ...asset, path }] });
        assert.match(first, /^collections\[0\]\.path: /);
        assert.match(first, problem);
        assert.deepEqual(more, []);
      });
    }

    const places: [what: string, input: object, problem: RegExp][] = [
      ['a group with a path', { group: 'a/b' }, /^collections\[0\]\.group: .*without "\/"/],
      ['a group with a wildcard', { group: '{scenes}' }, /^collections\[0\]\.group: .*wildcard/],
      ['a group of records', { group: 'syncJobFindings' }, /^collections\[0\]\.group: .*holds records/],
      ['a blank before a field', { path: 'a', projectId: ' p' }, /^collections\[0\]\.projectId: expected no blanks/],
      ['an empty segment', { path: 'a', projectId: 'meta..p' }, /^collections\[0\]\.projectId: expected no empty/],
      ['a field in backticks', { path: 'a', projectId: '`p`' }, /^collections\[0\]\.projectId: .*expected plain names/],
      ['an index of a list', { path: 'a', projectId: 'ids[0]' }, /^collections\[0\]\.projectId: .*expected plain/],
      ['a wildcard in a field', { path: 'a', copies: { name: 'meta.*' } }, /\.copies\.name: .*no wildcards/],
      ['a file in an entry of a list', { path: 'a', files: ['panels[0].image'] }, /\.files\[0\]: .*plain names/],
      ['a list without a name', { path: 'a', files: ['[].image'] }, /\.files\[0\]: expected no empty segment/],
      ['a list in the middle of a name', { path: 'a', files: ['a[]b'] }, /\.files\[0\]: expected "\[\]" only behind/],
      ['a file twice', { path: 'a', files: ['image', 'image'] }, /\.files: expected each field once/],
      ['a retention of nothing', { path: 'a', retention: { days: 3 } }, /\.retention: only what is archived/],
      ['no day of retention', { path: 'a', onDelete: 'archive', retention: { days: 0 } }, /\.retention\.days: /],
      ['a guarded group', { group: 'scenes', guard: true }, /^collections\[0\]\.guard: .*name "scenes" by its paths/],
      ['files of a group', { group: 'scenes', files: ['image'] }, /^collections\[0\]\.files: .*by its paths/],
      ['a guarded name in letters of its own', { path: 'bücher', guard: true }, /\.guard: .*letters and digits only/],
      ['a guarded name too long', { path: 'b'.repeat(44), guard: true }, /\.guard: .*more than 43 characters/],
      [
        'a copy to what every object has',
        { path: 'a', copies: { name: 'meta.valueOf' } },
        /"valueOf": every object has it/,
      ],
      ['a copy of nothing', { path: 'a', copies: { nam: 'n' } }, /\.copies\.nam: "nam" is not in source\.fields/],
    ];
    for (const [what, input, problem] of places) {
      it(what, () => assert.match(problemsOf({ source, collections: [{ ...asset, ...input }] }).join(), problem));
    }

    const sources: [what: string, input: object, problem: RegExp][] = [
      ['the id as a field', { fields: ['_id'] }, /^source\.fields\[0\]: "_id" never changes/],
      ['a field twice', { fields: ['name', 'name'] }, /^source\.fields\[1\]: "name" is already covered/],
      ['an operator as a field', { fields: ['a.$b'] }, /^source\.fields\[0\]: "\$b"/],
      [
        'what every object has',
        { fields: ['constructor'] },
        /^source\.fields\[0\]: "constructor": every object has it/,
      ],
      ['a blank behind a field', { fields: ['name '] }, /^source\.fields\[0\]: expected no blanks/],
      ['the id as the actor', { actor: '_id' }, /^source\.actor: "_id"/],
      ['a form of ids twice', { ids: ['string', 'string'] }, /^source\.ids: expected each form once/],
      ['a blank in the database', { database: 'my db' }, /^source\.database: .*no blank/],
      ['a dot in the database', { database: 'a.b' }, /^source\.database: expected none of/],
      ['a database of MongoDB', { database: 'admin' }, /^source\.database: .*without change streams/],
      ['a collection of MongoDB', { collection: 'system.views' }, /^source\.collection: "system\."/],
      ['a dollar in the collection', { collection: 'a$b' }, /^source\.collection: expected no "\$"/],
      ['a blank before the collection', { collection: ' projects' }, /^source\.collection: expected no blanks/],
      ['a service of blanks', { service: ' ' }, /^source\.service: expected no blanks/],
    ];
    for (const [what, input, problem] of sources) {
      it(what, () => {
        const config = { source: { ...source, ...input }, collections: [{ ...asset, path: 'a' }] };
        assert.match(problemsOf(config).join('; '), problem);
      });
    }
  });

  it('keeps what is archived for 30 days where nothing is said, and nothing else', () => {
    const { collections } = defineConfig({
      source,
      collections: [
        { path: 'a', projectId: 'p', onDelete: 'archive' },
        { path: 'b', projectId: 'p', onDelete: 'archive', retention: { days: 2 }, files: ['image', 'panels[].image'] },
        { path: 'c', projectId: 'p' },
      ],
    });
    assert.deepEqual(
      collections.map(({ retentionMs, files }) => ({ retentionMs, files })),
      [
        { retentionMs: 30 * 24 * 3_600_000, files: [] },
        { retentionMs: 2 * 24 * 3_600_000, files: ['image', 'panels[].image'] },
        { retentionMs: null, files: [] },
      ],
    );
  });

  describe('wildcards', () => {
    const both = (...places: object[]) =>
      problemsOf({ source, collections: places.map((place) => ({ projectId: 'p', ...place })) }).join();

    it('are taken for documents of a path', () => {
      const path = 'tenants/{tenantId}/storyboards';
      const [collection] = defineConfig({ source, collections: [{ path, projectId: 'p' }] }).collections;
      assert.equal(collection?.kind, 'pattern');
      assert.equal(collection.name, path);
    });

    it('never cover the same assets twice', () => {
      const pattern = { path: 'tenants/{tenantId}/storyboards' };
      assert.match(both(pattern, { path: 'tenants/t1/storyboards' }), /already covered by "tenants\/\{tenantId\}/);
      assert.match(both(pattern, { path: 'tenants/{other}/storyboards' }), /already covered/);
      assert.match(both(pattern, { group: 'storyboards' }), /already covered/);
      assert.match(both({ path: 'a/{x}/b/y/c' }, { path: 'a/z/b/{w}/c' }), /already covered/);
      assert.equal(both(pattern, { path: 'storyboards' }, { path: 'tenants/{t}/scenes' }), '');
      assert.equal(both(pattern, { path: 'studios/{t}/storyboards' }), '');
    });

    it('match whole paths, one document each', () => {
      const place = placeOf({ path: 'tenants/{tenantId}/storyboards' });
      assert.ok(liesIn(place, 'tenants/t1/storyboards/s1'));
      assert.ok(liesIn(place, 'tenants/{x}/storyboards/s1'));
      assert.ok(!liesIn(place, 'studios/t1/storyboards/s1'));
      assert.ok(!liesIn(place, 'storyboards/s1'));
      assert.ok(!liesIn(place, 'tenants/t1/storyboards/s1/panels/p1'));
      assert.ok(!liesIn(place, 'a/b/tenants/t1/storyboards/s1'));
      assert.ok(!liesIn(placeOf({ path: 'tenants/t1/storyboards' }), 'tenants/{x}/storyboards/s1'));
    });
  });
});
