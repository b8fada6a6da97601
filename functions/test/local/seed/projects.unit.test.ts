// What the local stack is seeded with: attacks data that differs between two runs, names that two projects share, and
// assets whose copies are not those of their project, which the first reconciliation would find.
import assert from 'node:assert/strict';
import { Timestamp } from 'firebase-admin/firestore';
import { UsageError } from '../../../local/cli/arguments.ts';
import { readSeedSize } from '../../../local/cli/seedSize.ts';
import { assetCount, assetsOfProject } from '../../../local/demo/seedData.ts';
import { mostDistinctProjects, seededProject } from '../../../local/seed/projects.ts';
import { assetCountsFor, documentsFor } from '../../../local/seed/seed.ts';
import { liesIn } from '../../../src/config/place.ts';
import { carried } from '../../../src/events/copyValue.ts';
import config from '../../../src/lockstep.config.ts';

/** The value of a nested field. */
function fieldOf(data: unknown, path: string): unknown {
  const [first = '', ...rest] = path.split('.');
  const value: unknown = new Map(Object.entries(data ?? {})).get(first);
  return rest.length === 0 ? value : fieldOf(value, rest.join('.'));
}

const projects = Array.from({ length: mostDistinctProjects }, (_, index) => seededProject(index));

describe('seeded projects', () => {
  it('are the same each time, and no two have the same id or name', () => {
    assert.deepEqual(seededProject(17), projects[17]);
    assert.equal(new Set(projects.map(({ _id }) => String(_id))).size, projects.length);
    assert.equal(new Set(projects.map(({ name }) => name)).size, projects.length);
  });

  it('have members, each once and one of them the owner, that a copy can hold', () => {
    for (const { members } of projects) {
      assert.equal(new Set(members.map(({ userId }) => userId)).size, members.length);
      assert.equal(members.filter(({ role }) => role === 'owner').length, 1);
    }
    assert.deepEqual([...new Set(projects.map(({ members }) => members.length))].sort(), [2, 3, 4, 5, 6, 7]);
    assert.equal(carried(projects[3]?.members.map((member) => ({ ...member })) ?? null).ok, true);
  });

  it('have assets in every configured collection, with the copies that it names', () => {
    const project = seededProject(9);
    const projectId = project._id.toHexString();
    const documents = assetsOfProject(projectId, project, assetCountsFor(40));
    for (const collection of config.collections) {
      const assets = documents.filter(([path]) => liesIn(collection, path));
      assert.ok(assets.length > 0, collection.name);
      for (const [path, data] of assets) {
        assert.equal(fieldOf(data, collection.projectId), projectId, path);
        for (const [source, target] of Object.entries(collection.copies)) {
          assert.deepEqual(fieldOf(data, target), fieldOf(project, source), `${path} ${target}`);
        }
      }
    }
  });

  it('differ in what they are about, and their assets in what a model says of them', () => {
    assert.ok(new Set(projects.slice(0, 100).map(({ description }) => description)).size > 80);
    const analyses = projects
      .slice(0, 50)
      .flatMap((project) => assetsOfProject(String(project._id), project, assetCountsFor(10)))
      .filter(([path]) => path.startsWith('aiAnalyses/'));
    const scores = analyses.map(([, data]) => fieldOf(data, 'scores.pacing'));
    assert.ok(new Set(scores).size > 40);
    assert.ok(scores.every((score) => typeof score === 'number' && score >= 0 && score <= 1));
    assert.ok(analyses.every(([, data]) => data.finishedAt instanceof Timestamp));
  });
});

describe('the size of what is seeded', () => {
  it('is what was asked for: so many assets, and the panels below the storyboards', () => {
    for (let assets = 0; assets <= 120; assets += 1) {
      const counts = assetCountsFor(assets);
      assert.equal(assetCount(counts), assets);
      assert.ok(Object.values(counts).every((count) => count >= 0));
      assert.equal(assetsOfProject('p', { name: 'n' }, counts).length, documentsFor(assets));
    }
  });

  it('is nothing unless projects are asked for, 40 assets each where no number is given, and bounded', () => {
    assert.deepEqual(readSeedSize({}), { projects: 0, assets: 40 });
    assert.deepEqual(readSeedSize({ projects: '500' }), { projects: 500, assets: 40 });
    assert.deepEqual(readSeedSize({ projects: '3', assets: '0' }), { projects: 3, assets: 0 });
    for (const [values, message] of [
      [{ assets: '3' }, /^--assets: .*--projects/],
      [{ projects: '-1' }, /^--projects: expected a whole number/],
      [{ projects: '5401' }, /^--projects: .*0 to 5400/],
      [{ projects: '5400', assets: '40' }, /345600 documents.*at most 250000/],
    ] as const) {
      assert.throws(
        () => readSeedSize(values),
        (error) => error instanceof UsageError && message.test(error.message),
      );
    }
  });
});
