// Attacks: a query of Lockstep without its index, and an edit that loses what somebody else wrote into
// firestore.indexes.json.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { readInvocation } from '../../src/cli/command.ts';
import { bringToConfig, exitCodes, indexes } from '../../src/cli/indexes.ts';
import { missingIndexes, withIndexes } from '../../src/cli/indexFile.ts';
import { type Config, defineConfig, recordCollections } from '../../src/config/defineConfig.ts';
import deployed from '../../src/lockstep.config.ts';
import { requiredIndexes } from '../../src/reconcile/requiredIndexes.ts';

const configOf = (collections: Parameters<typeof defineConfig>[0]['collections'], fields = ['name']): Config =>
  defineConfig({ source: { database: 'd', collection: 'projects', fields }, collections });

const config = configOf([
  { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' } },
  { group: 'scenes', projectId: 'meta.project-id' },
]);

/** The text with what a configuration needs, and what was added. */
function complete(text: string, of: Config = config): { text: string; added: string[] } {
  const missing = missingIndexes(text, requiredIndexes(of));
  return { text: withIndexes(text, missing), added: missing.map(({ what }) => what) };
}

describe('firestore.indexes.json and firestore.rules as they are deployed', () => {
  it('have what the configuration and the records need', () => {
    const read = readInvocation(indexes, ['--check'], {});
    assert.ok(read.kind === 'run');
    const printed: string[] = [];
    const code = bringToConfig(deployed, read.settings, { print: (line) => printed.push(line) });
    assert.equal(code, exitCodes.complete, printed.join('\n'));
  });
});

describe('indexes that are added', () => {
  it('are those of the queries: a copy, a collection group in both directions, the records', () => {
    const { text, added } = complete('{}\n');
    assert.ok(added.includes('index of storyboards (COLLECTION): projectId, projectName'));
    assert.ok(added.includes('TTL policy of syncProjects.expireAt'));
    const file = JSON.parse(text);
    const [ofAssets, ...ofRecords] = file.indexes;
    const listed = ofRecords.map(
      ({ collectionGroup, fields }: { collectionGroup: string; fields: { fieldPath: string; order: string }[] }) =>
        `${collectionGroup}: ${fields.map(({ fieldPath, order }) => `${fieldPath} ${order}`).join(', ')}`,
    );
    assert.deepEqual(listed, [
      'syncJobs: status ASCENDING, startedAt DESCENDING',
      'syncJobs: type ASCENDING, startedAt DESCENDING',
      'syncJobs: projectId ASCENDING, startedAt DESCENDING',
      'syncFailures: status ASCENDING, lastAt DESCENDING',
      'syncEvents: projectId ASCENDING, receivedAt DESCENDING',
      'syncAudit: actor ASCENDING, sequence DESCENDING',
      'syncAudit: action ASCENDING, sequence DESCENDING',
      'syncAudit: target ASCENDING, sequence DESCENDING',
      'syncArchive: object ASCENDING, archivedAt DESCENDING',
      'syncAlerts: state ASCENDING, lastAt DESCENDING',
    ]);
    assert.deepEqual(
      [ofAssets],
      [
        {
          collectionGroup: 'storyboards',
          queryScope: 'COLLECTION',
          fields: [
            { fieldPath: 'projectId', order: 'ASCENDING' },
            { fieldPath: 'projectName', order: 'ASCENDING' },
          ],
        },
      ],
    );
    assert.deepEqual(file.fieldOverrides[0], {
      collectionGroup: 'scenes',
      fieldPath: 'meta.`project-id`',
      indexes: ['COLLECTION', 'COLLECTION_GROUP'].flatMap((queryScope) =>
        ['ASCENDING', 'DESCENDING'].map((order) => ({ queryScope, order })),
      ),
    });
  });

  it('are those of the collection group for a path with wildcards, which rules name as it is', () => {
    const path = 'tenants/{tenantId}/shots';
    const wildcards = configOf([{ path, projectId: 'p', copies: { name: 'n' } }]);
    const required = requiredIndexes(wildcards);
    assert.deepEqual(
      required.indexes
        .filter(({ collectionGroup }) => !collectionGroup.startsWith('sync'))
        .map(({ collectionGroup, queryScope }) => [collectionGroup, queryScope]),
      [['shots', 'COLLECTION_GROUP']],
    );
    const [override] = required.fieldOverrides;
    assert.deepEqual([override?.collectionGroup, override?.fieldPath, override?.indexes.length], ['shots', 'p', 4]);
    const printed: string[] = [];
    const read = readInvocation(indexes, ['--check'], {});
    assert.ok(read.kind === 'run');
    bringToConfig(wildcards, read.settings, { print: (line) => printed.push(line) });
    assert.ok(
      printed.some((line) => line.includes(`is missing: match /${path}/{asset}`)),
      printed.join('\n'),
    );
  });

  it('leave every line that was there as it was: foreign entries, comments, odd formatting, line ends', () => {
    const foreign = [
      '{',
      '\t// whose these are is not our business',
      '\t"indexes": [',
      '\t\t{"collectionGroup":"users",   "queryScope":"COLLECTION","fields":[{"fieldPath":"age","order":"DESCENDING"},',
      '\t\t\t{"fieldPath":"name","arrayConfig":"CONTAINS"}], "density": "SPARSE_ALL"}',
      '\t],',
      '\t"fieldOverrides": [{ "collectionGroup": "users", "fieldPath": "bio", "indexes": [] }],',
      '\t"other": 1',
      '}',
      '',
    ];
    const { text } = complete(foreign.join('\r\n'));
    assert.equal(text.replaceAll('\r\n', '').includes('\n'), false);
    let from = 0;
    for (const line of foreign) {
      const kept = line.replace(/\]?,?$/, '').replace(/\}$/, '');
      const at = text.indexOf(kept, from);
      assert.ok(at >= 0, `${line} is gone from\n${text}`);
      from = at;
    }
    assert.deepEqual(complete(text).added, []);
  });

  it('are one line each where they fit, and nothing else changes', () => {
    const before = readFileSync(new URL('../../../firestore.indexes.json', import.meta.url), 'utf8');
    const more = configOf([{ group: 'shots', projectId: 'p' }]);
    const lines = complete(before, more).text.split('\n');
    const added = lines.filter((line) => !before.split('\n').includes(line));
    assert.ok(added.some((line) => line.includes('"collectionGroup": "shots"')));
    assert.deepEqual(lines.filter((line) => !added.includes(line)).slice(0, 40), before.split('\n').slice(0, 40));
  });

  it('extend an entry that has a part, and take back an exemption of what is queried', () => {
    const before = JSON.stringify(
      {
        indexes: [],
        fieldOverrides: [
          { collectionGroup: 'scenes', fieldPath: 'meta.`project-id`', indexes: [{ order: 'ASCENDING' }] },
          { collectionGroup: 'storyboards', fieldPath: 'projectId', indexes: [] },
          { collectionGroup: 'syncJobs', fieldPath: 'status', indexes: [] },
          { collectionGroup: 'syncProjects', fieldPath: 'expireAt', indexes: [{ order: 'ASCENDING' }] },
        ],
      },
      null,
      2,
    );
    const { text, added } = complete(before);
    for (const expected of [
      'index of scenes.meta.`project-id` (COLLECTION_GROUP, DESCENDING)',
      'index of storyboards.projectId (COLLECTION, ASCENDING)',
      'index of syncJobs.status (COLLECTION, DESCENDING)',
      'TTL policy of syncProjects.expireAt',
    ]) {
      assert.ok(added.includes(expected), `${expected} is not in\n${added.join('\n')}`);
    }
    assert.ok(!added.includes('index of scenes.meta.`project-id` (COLLECTION, ASCENDING)'));
    const { fieldOverrides } = JSON.parse(text);
    assert.deepEqual(fieldOverrides[3], {
      collectionGroup: 'syncProjects',
      fieldPath: 'expireAt',
      indexes: [{ order: 'ASCENDING' }],
      ttl: true,
    });
    assert.deepEqual(complete(text).added, []);
  });

  it('are those that an exemption of all fields of a collection takes away', () => {
    const exempt = (...indexes: object[]) =>
      JSON.stringify({ fieldOverrides: [{ collectionGroup: 'storyboards', fieldPath: '*', indexes }] });
    const { text, added } = complete(exempt());
    assert.ok(added.includes('indexes of storyboards.projectId'), added.join('\n'));
    assert.deepEqual(complete(text).added, []);
    const all = exempt({ order: 'ASCENDING' }, { order: 'DESCENDING' }, { arrayConfig: 'CONTAINS' });
    assert.ok(!complete(all).added.includes('indexes of storyboards.projectId'));
  });

  it('are not added again where an exported file names the key and the density', () => {
    const exported = JSON.parse(complete('{}').text);
    exported.indexes[0].fields.push({ fieldPath: '__name__', order: 'ASCENDING' });
    exported.indexes[0].density = 'SPARSE_ALL';
    for (const override of exported.fieldOverrides) override.ttl ??= false;
    assert.deepEqual(complete(JSON.stringify(exported)).added, []);
  });

  it('are complete after one step and keep foreign entries, whatever the configuration and the file', () => {
    const name = fc.stringMatching(/^[a-z][a-zA-Z0-9]{0,5}$/);
    const collection = fc.record({ name, isGroup: fc.boolean(), hasCopy: fc.boolean() });
    const collections = fc.uniqueArray(collection, { selector: (c) => c.name, minLength: 1, maxLength: 5 });
    const foreign = fc.array(
      fc.record({ collectionGroup: name, fieldPath: fc.constant('theirs') }, { noNullPrototype: true }),
      { maxLength: 4 },
    );
    const indent = fc.constantFrom(undefined, 2, 4, '\t');
    fc.assert(
      fc.property(collections, foreign, indent, (chosen, theirs, space) => {
        const of = configOf(
          chosen.map((c) => ({
            ...(c.isGroup ? { group: c.name } : { path: c.name }),
            projectId: 'projectId',
            ...(c.hasCopy && { copies: { name: 'projectName' } }),
          })),
        );
        const { text } = complete(JSON.stringify({ fieldOverrides: theirs }, null, space), of);
        assert.deepEqual(JSON.parse(text).fieldOverrides.slice(0, theirs.length), theirs);
        assert.deepEqual(complete(text, of).added, []);
      }),
    );
  });
});

describe('npm run indexes', () => {
  let directory: string;
  let files: { indexesFile: string; rulesFile: string };
  let printed: string[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'lockstep-indexes-'));
    files = { indexesFile: join(directory, 'indexes.json'), rulesFile: join(directory, 'rules') };
    printed = [];
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const run = (check: boolean) => bringToConfig(config, { check, ...files }, { print: (line) => printed.push(line) });

  const closed = Object.values(recordCollections).map(
    (name) => `match /${name}/{document=**} { allow read, write: if false; }`,
  );

  it('--check changes nothing and ends with 1; without it the file is written, once', () => {
    writeFileSync(files.rulesFile, [...closed, 'match /storyboards/{s} {', 'match /{path=**}/scenes/{s} {'].join('\n'));
    writeFileSync(files.indexesFile, '{ "indexes": [] }\n');
    assert.equal(run(true), exitCodes.missing);
    assert.equal(readFileSync(files.indexesFile, 'utf8'), '{ "indexes": [] }\n');
    assert.ok(printed.some((line) => /is missing: index of storyboards/.test(line)));
    assert.equal(run(false), exitCodes.complete);
    const written = readFileSync(files.indexesFile, 'utf8');
    assert.equal(run(true), exitCodes.complete);
    assert.equal(run(false), exitCodes.complete);
    assert.equal(readFileSync(files.indexesFile, 'utf8'), written);
  });

  it('says which blocks firestore.rules lacks; a comment is none', () => {
    writeFileSync(files.rulesFile, [...closed.slice(1), '// match /syncRelay/{x} {', 'match /scenes/{s} {'].join('\n'));
    assert.equal(run(false), exitCodes.missing);
    const missing = printed.flatMap((line) => /is missing: match (\S+):/.exec(line)?.[1] ?? []);
    assert.deepEqual(missing, ['/syncRelay/{document=**}', '/storyboards/{asset}', '/{path=**}/scenes/{asset}']);
  });

  it('names the file that it cannot read, and leaves it', () => {
    writeFileSync(files.indexesFile, '{ "indexes": [');
    assert.throws(() => run(false), /indexes\.json is not a file of indexes: .* at offset/);
    writeFileSync(files.indexesFile, '{ "indexes": [{ "collectionGroup": 7 }] }');
    assert.throws(() => run(false), /indexes\.json is not a file of indexes: .*collectionGroup/s);
    assert.equal(readFileSync(files.indexesFile, 'utf8'), '{ "indexes": [{ "collectionGroup": 7 }] }');
  });
});
