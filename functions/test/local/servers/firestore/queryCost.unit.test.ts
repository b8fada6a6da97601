import assert from 'node:assert/strict';
import type { FilterMessage, StructuredQueryMessage } from '../../../../local/servers/firestore/messages.ts';
import { parseQuery } from '../../../../local/servers/firestore/query/parseQuery.ts';
import { runQuery } from '../../../../local/servers/firestore/query/runQuery.ts';
import { createStore } from '../../../../local/servers/firestore/store/store.ts';
import type { Value } from '../../../../local/servers/firestore/values/value.ts';
import { encodeFields, encodeValue } from '../../../../local/servers/firestore/values/valueCodec.ts';

const database = 'projects/p/databases/(default)';
const root = `${database}/documents`;

const text = (value: string): Value => ({ type: 'string', value });
const field = (fieldPath: string) => ({ fieldPath });
const equal = (path: string, value: Value): FilterMessage => ({
  fieldFilter: { field: field(path), op: 'EQUAL', value: encodeValue(value) },
});
const order = (...paths: string[]) => paths.map((path) => ({ field: field(path), direction: 'ASCENDING' as const }));
const after = (...values: Value[]) => ({ values: values.map(encodeValue), before: false });
const name = (path: string): Value => ({ type: 'reference', value: `${root}/${path}` });

// A thousand boards of a hundred projects, each with a scene below it.
const store = createStore();
for (let i = 0; i < 1000; i += 1) {
  const project = `p${String(i % 100).padStart(3, '0')}`;
  for (const path of [`boards/${i}`, `boards/${i}/scenes/s`]) {
    const fields = new Map([
      ['projectId', text(project)],
      ['projectName', text(`name of ${project}`)],
    ]);
    store.apply({
      path,
      before: undefined,
      after: { path, fields: encodeFields(fields), createTime: 1, updateTime: 1, bytes: 0, entryBytes: 0 },
    });
  }
}

const boards = [{ collectionId: 'boards' }];
const scenes = [{ collectionId: 'scenes', allDescendants: true }];
const shapes: Record<string, readonly [StructuredQueryMessage, number]> = {
  'a page of one project': [{ from: boards, where: equal('projectId', text('p007')), limit: { value: 4 } }, 4],
  'the next page of it': [
    {
      from: boards,
      where: equal('projectId', text('p007')),
      orderBy: order('__name__'),
      startAt: after(name('boards/207')),
      limit: { value: 4 },
    },
    4,
  ],
  'a page of one project in a collection group': [
    { from: scenes, where: equal('projectId', text('p007')), limit: { value: 4 } },
    4,
  ],
  'the first asset of the next project': [
    { from: boards, orderBy: order('projectId'), startAt: after(text('p007')), limit: { value: 1 } },
    1,
  ],
  'the next pair of project and name': [
    {
      from: boards,
      orderBy: order('projectId', 'projectName'),
      startAt: after(text('p007'), text('name of p007')),
      limit: { value: 1 },
    },
    1,
  ],
  'a range of names': [
    { from: boards, orderBy: order('__name__'), startAt: after(name('boards/990')), limit: { value: 5 } },
    5,
  ],
  'all of one project': [{ from: boards, where: equal('projectId', text('p007')) }, 10],
  'everything below one document': [{ from: [{ allDescendants: true }], limit: { value: 5 } }, 1],
};

describe('What a Firestore query looks at', () => {
  for (const [what, [message, results]] of Object.entries(shapes)) {
    it(`is what it returns: ${what}`, () => {
      const parent = what.startsWith('everything') ? `${root}/boards/5` : root;
      const found = runQuery(database, store, parseQuery(parent, message));
      assert.equal(found.documents.length, results);
      // A stream over each kind holds one result ready that the limit may leave unused.
      assert.ok(found.examined.length <= results + 1, `${found.examined.length} examined`);
    });
  }
});
