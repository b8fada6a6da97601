// The security rules: attacks "no client touches a record" and "no client brings assets to a deleted project".
// The cases run through the interpreter of this folder. With FIRESTORE_RULES_EMULATOR=host:port they run through the
// official Firestore emulator too, which proves the interpreter as much as the rules.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { recordCollections } from '../../src/config/defineConfig.ts';
import config from '../../src/lockstep.config.ts';
import { assetKinds, deleted, foreign, live, rulesCases } from './cases.ts';
import { createEmulatorEngine } from './emulatorEngine.ts';
import type { RulesEngine } from './engine.ts';
import { createInterpreterEngine } from './interpreterEngine.ts';

const shipped = readFileSync(new URL('../../../firestore.rules', import.meta.url), 'utf8');

/** As a team may adapt them: who is signed in belongs to every project but one, and may query. */
const rules = shipped
  .replace(closed('isMember(projectId)'), `$1return request.auth != null && projectId != '${foreign}';`)
  .replace(closed('mayList()'), '$1return request.auth != null;');

/** The body of a function that is to be adapted. */
function closed(signature: string): RegExp {
  return new RegExp(`(function ${signature.replaceAll(/[()]/g, '\\$&')} \\{\\s*)return false;`);
}
const emulator = process.env.FIRESTORE_RULES_EMULATOR;

/** The names of the cases that a rules text answers wrongly. */
async function wrongAnswers(engine: RulesEngine): Promise<string[]> {
  const wrong: string[] = [];
  for (const rulesCase of rulesCases) {
    const allowed = await engine.isAllowed(rulesCase);
    if (allowed !== (rulesCase.expect === 'allowed')) wrong.push(rulesCase.name);
  }
  return wrong;
}

describe('firestore.rules as shipped', () => {
  const engine = createInterpreterEngine(shipped);

  it('refuse every client everything, until they are adapted', async () => {
    for (const rulesCase of rulesCases) assert.equal(await engine.isAllowed(rulesCase), false, rulesCase.name);
  });

  it('look nothing up for that, so that nobody pays for refusals', () => {
    const looked = rulesCases
      .filter(({ request }) => request.kind !== 'batch' && !JSON.stringify(request).includes('/panels/'))
      .flatMap((rulesCase) => engine.decisions(rulesCase).flatMap((decision) => decision.looked));
    assert.deepEqual(looked, []);
  });

  it('name what is to be adapted', () => {
    const adapted = shipped.split('\n').flatMap((line, index, lines) => {
      if (!line.includes('return false;')) return [];
      return [/function (\w+)/.exec(lines[index - 1] ?? '')?.[1]];
    });
    assert.deepEqual(adapted, ['isMember', 'mayList']);
    assert.equal(shipped.match(/return false;/g)?.length, 2);
  });
});

describe('firestore.rules, adapted', () => {
  it('have cases for every configured collection', () => {
    const covered = new Set(assetKinds.map(({ path }) => path));
    for (const collection of config.collections)
      assert.ok(covered.has(collection.name), `no cases for ${collection.name}`);
  });

  describe('by the interpreter', () => {
    const engine = createInterpreterEngine(rules);
    for (const rulesCase of rulesCases) {
      it(`${rulesCase.name} (${rulesCase.expect})`, async () => {
        assert.equal(await engine.isAllowed(rulesCase), rulesCase.expect === 'allowed');
      });
    }
  });

  if (emulator) {
    describe('by the official emulator', () => {
      let engine: RulesEngine;
      before(async () => {
        engine = await createEmulatorEngine(rules, emulator);
      });
      after(() => engine.close());
      for (const rulesCase of rulesCases) {
        it(`${rulesCase.name} (${rulesCase.expect})`, async () => {
          assert.equal(await engine.isAllowed(rulesCase), rulesCase.expect === 'allowed');
        });
      }
    });
  }

  describe('what they cost', () => {
    const engine = createInterpreterEngine(rules);
    const looked = (request: Parameters<typeof engine.decisions>[0]) =>
      engine.decisions(request).flatMap((d) => d.looked);
    const storyboard = { 'storyboards/s1': { projectId: live } };

    it('one look at the record for a creation', () => {
      const request = { kind: 'set', path: 'storyboards/s1', data: { projectId: live } } as const;
      assert.deepEqual(looked({ given: {}, as: 'alice', request }), [
        `/databases/(default)/documents/syncProjects/${live}`,
      ]);
    });

    it('none for an edit, a read or a deletion', () => {
      const edit = { kind: 'update', path: 'storyboards/s1', fields: { title: 'x' } } as const;
      const read = { kind: 'get', path: 'storyboards/s1' } as const;
      const deletion = { kind: 'delete', path: 'storyboards/s1' } as const;
      for (const request of [edit, read, deletion]) {
        assert.deepEqual(looked({ given: storyboard, as: 'alice', request }), [], request.kind);
      }
    });

    it('two for a panel: its storyboard and the record', () => {
      const request = { kind: 'set', path: 'storyboards/s1/panels/p1', data: {} } as const;
      assert.equal(looked({ given: storyboard, as: 'alice', request }).length, 2);
    });
  });

  // Each guarantee is taken out of the text, as an edit by hand might: some case has to notice.
  describe('a broken rule is noticed', () => {
    const mutations: [string, (text: string) => string][] = [
      [
        'members are not asked who they are',
        (text) => text.replace('request.auth != null && projectId !=', 'projectId !='),
      ],
      ['everybody is a member', (text) => text.replace(`projectId != '${foreign}'`, 'true')],
      [
        'listing needs nobody',
        (text) => text.replace(/(mayList\(\) \{\s*)return request.auth != null;/, '$1return true;'),
      ],
      ['creating needs nobody', (text) => text.replace('isMember(owner) && ', '')],
      ['an asset may be taken over', (text) => text.replace('isMember(before) && ', '')],
      ['an asset may be given away', (text) => text.replace('isMember(after) && ', '')],
      ['tombstones are not looked for', (text) => text.replace(' && !isDeleted(projectId)', '')],
      ['tombstones are mistaken', (text) => text.replace("== 'deleted'", "== 'live'")],
      [
        'a missing record counts as a deletion',
        (text) => text.replace(/return exists\((.*?)\)\s+&& get/, 'return !exists($1) || get'),
      ],
      ['every id is looked up as it is', (text) => text.replace('isPlainId(projectId) && ', '')],
      ['an id may hold anything', (text) => text.replace(' && id.matches("[A-Za-z0-9!\'()*_~-]{1,256}")', '')],
      ['an id may begin with underscores', (text) => text.replace(' && !id.matches("__.*")', '')],
      ['moves are not checked', (text) => text.replace('before == after || mayOwnAssets(after)', 'true')],
      [
        'every update counts as a move',
        (text) => text.replace('before == after || mayOwnAssets(after)', 'mayOwnAssets(after)'),
      ],
      [
        'panels need no storyboard',
        (text) => text.replace('mayCreate(getAfter(storyboardOf()).data.projectId)', 'request.auth != null'),
      ],
      ['panels do not mind a deleted project', (text) => text.replace('mayCreate(getAfter', 'isMember(getAfter')],
      ['panels look at the storyboard as it was', (text) => text.replace('getAfter(storyboardOf', 'get(storyboardOf')],
      [
        'whatever is below a storyboard is open',
        (text) =>
          text.replace(
            'match /panels/{panel} {',
            'match /{below=**} { allow write: if request.auth != null; }\n      match /panels/{panel} {',
          ),
      ],
      [
        'everything is open to who is signed in',
        (text) =>
          text.replace(
            'match /syncRelay',
            'match /{all=**} { allow read, write: if request.auth != null; }\n    match /syncRelay',
          ),
      ],
      ['scenes are open below records', (text) => text.replace(/!isBelowRecords\(\)\s+&& /g, '')],
      ['scenes are created below records', (text) => text.replace('!isBelowRecords() && mayCreate', 'mayCreate')],
      ['scenes are only those at the top', (text) => text.replace('/{path=**}/scenes', '/scenes')],
      [
        'a nested project id is looked for in the wrong place',
        (text) => text.replace('data.meta.projectId', 'data.projectId'),
      ],
      ['deletions are closed', (text) => text.replace(/allow delete: if [^;]*;/g, 'allow delete: if false;')],
    ];
    for (const collection of Object.values(recordCollections)) {
      mutations.push([
        `${collection} is open to who is signed in`,
        (text) =>
          text.replace(
            new RegExp(`(match /${collection}/\\{document=\\*\\*\\} \\{\\s+allow read, write: if )false`),
            '$1request.auth != null',
          ),
      ]);
      mutations.push([
        `scenes below ${collection} are open`,
        (text) => text.replace(new RegExp(`(path\\[3\\] in \\[[^\\]]*?)'${collection}'`), "$1'other'"),
      ]);
    }
    for (const collection of config.collections) {
      const block = collection.kind === 'group' ? `/{path=**}/${collection.name}/{` : `match /${collection.name}/{`;
      const inBlock = (from: string | RegExp, to: string) => (text: string) => {
        const start = text.indexOf(block);
        return text.slice(0, start) + text.slice(start).replace(from, to);
      };
      for (const [method, check] of [
        ['get', 'isMember'],
        ['list', 'mayList'],
        ['create', 'mayCreate'],
        ['update', 'mayUpdate'],
        ['delete', 'isMember'],
      ] as const) {
        mutations.push([
          `${collection.name}: ${method} is open`,
          inBlock(new RegExp(`(allow ${method}: if [^;]*?)${check}\\([^;]*\\);`, 's'), '$1true;'),
        ]);
      }
      mutations.push([
        `${collection.name}: creations do not look for a tombstone`,
        inBlock('mayCreate(request', 'isMember(request'),
      ]);
    }
    for (const [what, mutate] of mutations) {
      it(what, async () => {
        const mutated = mutate(rules);
        assert.notEqual(mutated, rules, 'the mutation did not change the rules');
        assert.notDeepEqual(await wrongAnswers(createInterpreterEngine(mutated)), [], 'no case failed');
      });
    }
    it('while the rules as they are answer every case rightly', async () => {
      assert.deepEqual(await wrongAnswers(createInterpreterEngine(rules)), []);
    });
  });

  it('refuse a tombstoned project for the reason that it is one', () => {
    const [decision] = createInterpreterEngine(rules).decisions({
      given: { [`syncProjects/${deleted}`]: { desired: { kind: 'deleted' } } },
      as: 'alice',
      request: { kind: 'set', path: 'aiAnalyses/a1', data: { projectId: deleted } },
    });
    assert.deepEqual(decision?.errors, []);
    assert.equal(decision?.allowed, false);
  });
});
