// The rules that are written from the configuration: attacks "from its tombstone on nobody reads a deleted project's
// assets, where that is configured", and "writing them loses nothing of the team's".
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readInvocation } from '../../src/cli/command.ts';
import { bringRulesToConfig, exitCodes, rules as rulesCommand } from '../../src/cli/rules/rules.ts';
import { RulesFileError, withAssetRules } from '../../src/cli/rules/rulesFile.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import deployed from '../../src/lockstep.config.ts';
import { deleted, foreign, live, type RulesCase } from './cases.ts';
import { createEmulatorEngine } from './emulatorEngine.ts';
import type { ClientRequest, RulesEngine } from './engine.ts';
import { createInterpreterEngine } from './interpreterEngine.ts';

const shipped = readFileSync(new URL('../../../firestore.rules', import.meta.url), 'utf8');

/** The shipped collections, and what is written of them where some hide. */
const hiding = defineConfig({
  source: { database: 'd', collection: 'projects' },
  collections: [
    { path: 'storyboards', projectId: 'projectId', subcollections: 'recursive', consistency: 'hideDeleted' },
    { path: 'aiAnalyses', projectId: 'projectId' },
    { path: 'generatedMedia', projectId: 'projectId' },
    { path: 'prototypes', projectId: 'meta.projectId', consistency: 'hideDeleted' },
    { group: 'scenes', projectId: 'projectId', consistency: 'hideDeleted' },
  ],
});

const written = withAssetRules(shipped, hiding);

/** Who is signed in belongs to every project but one, and may query. */
const adapted = (text: string) =>
  text
    .replace(
      /(function isMember\(projectId\) \{\s*)return false;/,
      `$1return request.auth != null && projectId != '${foreign}';`,
    )
    .replace(/(function mayList\(\) \{\s*)return false;/, '$1return request.auth != null;');

const records = {
  [`syncProjects/${live}`]: { projectId: live, desired: { kind: 'live' } },
  [`syncProjects/${deleted}`]: { projectId: deleted, desired: { kind: 'deleted' } },
  'syncProjects/damaged': { projectId: 'damaged' },
};

const places = [
  { path: 'storyboards', field: 'projectId', hides: true },
  { path: 'aiAnalyses', field: 'projectId', hides: false },
  { path: 'prototypes', field: 'meta.projectId', hides: true },
  { path: 'scenes', field: 'projectId', hides: true },
  { path: 'storyboards/s0/scenes', field: 'projectId', hides: true },
] as const;

function casesOf({ path, field, hides }: (typeof places)[number]): RulesCase[] {
  const asset = `${path}/a1`;
  const fields = (id: string) => (field === 'projectId' ? { projectId: id } : { meta: { projectId: id } });
  const one = (name: string, expect: RulesCase['expect'], request: ClientRequest, given = {}): RulesCase => ({
    name: `${path}: ${name}`,
    expect,
    request,
    given: { ...records, ...given },
    as: 'alice',
  });
  const get: ClientRequest = { kind: 'get', path: asset };
  const list = (value: string, of: string = field): ClientRequest => ({
    kind: 'list',
    collection: path,
    equal: { field: of, value },
  });
  const hidden = hides ? 'refused' : 'allowed';
  return [
    one('an asset of a living project is read', 'allowed', get, { [asset]: fields(live) }),
    one('one of a project without a record is read', 'allowed', get, { [asset]: fields('unknown') }),
    one('one of a deleted project is read where nothing is hidden', hidden, get, { [asset]: fields(deleted) }),
    one('so is one whose record cannot be read', hidden, get, { [asset]: fields('damaged') }),
    one('so is one whose tombstone could not be found', hidden, get, { [asset]: fields('a b') }),
    one('one without a project is read', 'allowed', get, { [asset]: { title: 'Opening' } }),
    one("one of other people's project is not", 'refused', get, { [asset]: fields(foreign) }),
    one('those of a living project are listed', 'allowed', list(live)),
    one('those of a deleted project are listed where nothing is hidden', hidden, list(deleted)),
    one('so are those of no project in particular', hidden, { kind: 'list', collection: path }),
    one('so are those of another field', hidden, list(live, 'title')),
    one(
      'one of a deleted project is edited until it goes',
      'allowed',
      { kind: 'update', path: asset, fields: { a: 1 } },
      {
        [asset]: fields(deleted),
      },
    ),
    one(
      'one of a deleted project is deleted',
      'allowed',
      { kind: 'delete', path: asset },
      { [asset]: fields(deleted) },
    ),
    { ...one('nobody reads without signing in', 'refused', get, { [asset]: fields(live) }), as: undefined },
    { ...one('nobody lists without signing in', 'refused', list(live)), as: undefined },
  ];
}
const cases = places.flatMap(casesOf);

describe('rules with hidden deletions', () => {
  const engine = createInterpreterEngine(adapted(written));
  for (const each of cases) {
    it(`${each.name} (${each.expect})`, async () => {
      assert.equal(await engine.isAllowed(each), each.expect === 'allowed');
    });
  }

  const emulator = process.env.FIRESTORE_RULES_EMULATOR;
  if (emulator) {
    describe('by the official emulator', () => {
      let official: RulesEngine;
      before(async () => {
        official = await createEmulatorEngine(adapted(written), emulator);
      });
      after(() => official.close());
      for (const each of cases) {
        it(`${each.name} (${each.expect})`, async () => {
          assert.equal(await official.isAllowed(each), each.expect === 'allowed');
        });
      }
    });
  }

  it('cost one look at the record for a read and for a query, and none where nothing is hidden', () => {
    const looked = (request: ClientRequest) =>
      engine
        .decisions({
          given: { ...records, 'storyboards/a1': { projectId: live }, 'aiAnalyses/a1': { projectId: live } },
          as: 'alice',
          request,
        })
        .flatMap((decision) => decision.looked.map((path) => path.split('/documents/')[1]));
    const equal = { field: 'projectId', value: live };
    assert.deepEqual(looked({ kind: 'get', path: 'storyboards/a1' }), [`syncProjects/${live}`]);
    assert.deepEqual(looked({ kind: 'list', collection: 'storyboards', equal }), [`syncProjects/${live}`]);
    assert.deepEqual(looked({ kind: 'get', path: 'aiAnalyses/a1' }), []);
    assert.deepEqual(looked({ kind: 'list', collection: 'aiAnalyses', equal }), []);
  });

  for (const [what, broken] of [
    ['reads do not look for a tombstone', written.replace(/ && isShown\([^;]*\);/, ';')],
    ['queries do not look for a tombstone', written.replace(/ && mayOwnAssets\(resource[^;]*\);/, ';')],
    ['what belongs to nobody is hidden', written.replace('owner == null || ', '')],
    ['everything is shown', written.replace('owner == null || mayOwnAssets(owner)', 'true')],
  ] as const) {
    it(`are noticed to be broken when ${what}`, async () => {
      assert.notEqual(broken, written);
      const mutant = createInterpreterEngine(adapted(broken));
      const answers = await Promise.all(
        cases.map(async (each) => (await mutant.isAllowed(each)) === (each.expect === 'allowed')),
      );
      assert.ok(answers.includes(false));
    });
  }
});

describe('writing rules', () => {
  it('changes nothing of the shipped ones, which are as their configuration asks', () => {
    assert.equal(withAssetRules(shipped, deployed), shipped);
  });

  it('is the same when it is done again, and keeps what is the team’s', () => {
    assert.equal(withAssetRules(written, hiding), written);
    const [, panels = ''] = /<yours storyboards>\n([\s\S]*?)\/\/ <\/yours>/.exec(shipped) ?? [];
    assert.ok(panels.includes('match /panels/{panel}'));
    assert.ok(written.includes(panels));
    assert.ok(written.includes('match /storyboards/{storyboard} {'), 'the name that the panels use');
    const outside = (text: string) => text.replace(/\/\/ <lockstep>[\s\S]*\/\/ <\/lockstep>/, '');
    assert.equal(outside(written), outside(shipped));
    assert.equal(withAssetRules(written, deployed), shipped);
  });

  it('takes collections that are added and removed, unless something of the team’s would be lost', () => {
    const fewer = { ...hiding, collections: hiding.collections.slice(1) };
    assert.throws(
      () => withAssetRules(shipped, fewer),
      /<yours storyboards>: the configuration has no such collection/,
    );
    const others = defineConfig({
      source: { database: 'd', collection: 'projects' },
      collections: [
        { path: 'storyboards', projectId: 'projectId' },
        { path: 'tenants/{tenantId}/drafts', projectId: "meta.it's-a" },
      ],
    });
    const text = withAssetRules(shipped, others);
    assert.ok(text.includes('match /tenants/{tenantId}/drafts/{asset} {'));
    assert.ok(text.includes(`mayCreate(request.resource.data.meta['it\\'s-a'])`));
    assert.ok(!text.includes('isBelowRecords'));
  });

  it('refuses a file without markers, and says where they go', () => {
    const without = shipped.replaceAll(/^.*<\/?lockstep>.*$/gm, '');
    assert.throws(() => withAssetRules(without, deployed), RulesFileError);
  });

  it('refuses markers of the team that do not pair up, rather than lose what stands there', () => {
    for (const broken of [
      shipped.replace('      // </yours>\n', ''),
      shipped.replace('// <yours storyboards>', '// <yours >'),
      shipped.replace(/( *\/\/ <yours storyboards>[\s\S]*?<\/yours>\n)/, '$1$1'),
    ]) {
      assert.notEqual(broken, shipped);
      assert.throws(() => withAssetRules(broken, deployed), /each <yours NAME> needs/);
    }
    const spaced = defineConfig({
      source: { database: 'd', collection: 'projects' },
      collections: [{ path: 'story boards', projectId: 'projectId' }],
    });
    const own = 'match /notes/{note} { allow get: if false; }';
    const text = withAssetRules(shipped.replace(/ *\/\/ <yours[\s\S]*?<\/yours>\n/, ''), spaced);
    const withOwn = text.replace(
      '      allow get',
      `      // <yours story boards>\n${own}\n      // </yours>\n      allow get`,
    );
    assert.ok(withAssetRules(withOwn, spaced).includes(own));
  });

  describe('as a command', () => {
    let folder: string;
    const printed: string[] = [];
    const run = (text: string, check: boolean) => {
      const file = join(folder, 'firestore.rules');
      writeFileSync(file, text);
      const code = bringRulesToConfig(hiding, { check, file }, { print: (line) => printed.push(line) });
      return { code, text: readFileSync(file, 'utf8') };
    };
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'lockstep-rules-'));
    });
    after(() => rmSync(folder, { recursive: true }));

    it('writes, or only checks, for CI', () => {
      assert.deepEqual(run(shipped, true), { code: exitCodes.outdated, text: shipped });
      assert.deepEqual(run(shipped, false), { code: exitCodes.complete, text: written });
      assert.deepEqual(run(written, true), { code: exitCodes.complete, text: written });
      const read = readInvocation(rulesCommand, ['--check'], {});
      assert.ok(read.kind === 'run' && read.settings.check);
    });
  });
});
