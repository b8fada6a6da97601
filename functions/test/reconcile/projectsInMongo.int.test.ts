import assert from 'node:assert/strict';
import { Long, ObjectId, UUID } from 'mongodb';
import { createProjectsInMongo } from '../../src/reconcile/projectsInMongo.ts';
import { justAfter } from '../../src/reconcile/scan/idOrder.ts';
import { startWorld, type World } from './world.ts';

describe('projects of MongoDB in the order of their ids', () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());

  const list = (from: string, limit: number) =>
    createProjectsInMongo(world.dependencies().source, world.config).list(from, limit);

  it('are listed page by page, ObjectIds among texts, and each with the fields that can be compared', async () => {
    const hex = ['0000000000000000000000aa', '66f0a1b2c3d4e5f6a7b8c9d0', 'ffffffffffffffffffffffff'];
    const texts = ['!', '66f0a1b2c3d4e5f6a7b8c9d', '66f0a1b2c3d4e5f6a7b8c9d00', 'A', 'z', '\uffff', '\u{10000}'];
    await world.source.projects.insertMany([
      ...[...texts].reverse().map((_id) => ({ _id, name: `of ${_id}` })),
      ...[...hex].reverse().map((id) => ({ _id: new ObjectId(id), name: `of ${id}` })),
      // Forms that are sorted in another way.
      { _id: new UUID(), name: 'uuid' },
      { _id: Long.fromNumber(7), name: 'seven' },
    ]);
    const sorted = [
      ...['!', '0000000000000000000000aa', '66f0a1b2c3d4e5f6a7b8c9d', '66f0a1b2c3d4e5f6a7b8c9d0'],
      ...['66f0a1b2c3d4e5f6a7b8c9d00', 'A', 'ffffffffffffffffffffffff', 'z', '\uffff', '\u{10000}'],
    ];
    for (const limit of [1, 2, 3, 100]) {
      const listed: string[] = [];
      for (let from = justAfter(''); ; ) {
        const page = await list(from, limit);
        for (const { projectId, fields } of page) {
          listed.push(projectId);
          assert.deepEqual(fields, { name: `of ${projectId}` });
        }
        const last = page.at(-1);
        if (last === undefined || page.length < limit) break;
        from = justAfter(last.projectId);
      }
      assert.deepEqual(listed, sorted, `${limit} at a time`);
    }
  });

  it('have no field to compare that is too long, that no copy can have, or that two of one id may each have', async () => {
    const twice = '66f0a1b2c3d4e5f6a7b8c9d0';
    await world.source.projects.insertMany([
      { _id: 'a', name: 'x'.repeat(1_500) },
      { _id: 'b', name: { __name__: 'reserved' } },
      { _id: 'c' },
      { _id: twice, name: 'one' },
      { _id: new ObjectId(twice), name: 'other' },
    ]);
    const fields = new Map((await list('', 10)).map((project) => [project.projectId, project.fields]));
    assert.deepEqual(Object.fromEntries(fields), { a: {}, b: {}, c: { name: null }, [twice]: {} });
  });
});
