import assert from 'node:assert/strict';
import { checkFields } from '../../../../local/servers/firestore/values/limits.ts';
import { parseDocumentName } from '../../../../local/servers/firestore/values/resourceName.ts';
import { documentSize } from '../../../../local/servers/firestore/values/size.ts';
import type { Value } from '../../../../local/servers/firestore/values/value.ts';

const database = 'projects/p/databases/(default)';
const invalidArgument = 3;

const map = (entries: Record<string, Value>): Value => ({ type: 'map', fields: new Map(Object.entries(entries)) });
const integer: Value = { type: 'integer', value: 1n };

/** A value inside so many maps. */
function nested(maps: number): Value {
  let value = integer;
  for (let i = 0; i < maps; i += 1) value = map({ n: value });
  return value;
}

const check = (field: Value) => checkFields(new Map([['field', field]]));

describe('Firestore limits that client libraries do not let through', () => {
  it('takes twenty maps in each other and no more', () => {
    check(nested(20));
    assert.throws(() => check(nested(21)), {
      code: invalidArgument,
      message: 'Property n contains an invalid nested entity.',
    });
  });

  it('takes no array in an array, except with a map in between', () => {
    const list = (...values: Value[]): Value => ({ type: 'array', values });
    check(list(map({ inner: list(integer) })));
    assert.throws(() => check(list(list(integer))), {
      code: invalidArgument,
      message: 'Property array contains an invalid nested entity.',
    });
  });

  it('takes no reserved, empty or endless field names', () => {
    for (const name of ['__x__', '', 'é'.repeat(751)]) {
      assert.throws(() => check(map({ [name]: integer })), { code: invalidArgument });
    }
    check(map({ __x: integer }));
    checkFields(new Map([['é'.repeat(750), integer]]));
  });

  it('takes no path of more than a hundred collections', () => {
    const check = (path: string) => parseDocumentName(`${database}/documents/${path}`, database);
    const deep = (collections: number) => Array.from({ length: collections }, () => 'c/d').join('/');
    check(deep(100));
    assert.throws(() => check(deep(101)), { code: invalidArgument });
  });

  it('counts sizes as the documentation does in its example', () => {
    // https://firebase.google.com/docs/firestore/storage-size: users/jeff/tasks/my_task_id has 147 bytes.
    const fields = new Map<string, Value>([
      ['type', { type: 'string', value: 'Personal' }],
      ['done', { type: 'boolean', value: false }],
      ['priority', integer],
      ['description', { type: 'string', value: 'Learn Cloud Firestore' }],
    ]);
    assert.equal(documentSize('users/jeff/tasks/my_task_id', fields), 147);
  });
});
