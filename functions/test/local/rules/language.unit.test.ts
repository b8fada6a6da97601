// The interpreter of the rules language, on which the rules' tests rest: each line is what the reference says
// (https://firebase.google.com/docs/reference/rules), and what it does not know it must refuse to judge.
import assert from 'node:assert/strict';
import { decide } from '../../../local/rules/decide.ts';
import { parseRules, RulesSyntaxError } from '../../../local/rules/parse.ts';
import { UnsupportedRulesError } from '../../../local/rules/syntax.ts';
import type { DocumentData } from '../../../local/rules/values.ts';
import { createInterpreterEngine } from '../../rules/interpreterEngine.ts';

const document = (inside: string) =>
  `rules_version = '2';\nservice cloud.firestore {\n match /databases/{database}/documents {\n${inside}\n }\n}`;

/** Whether a creation at things/t1 by alice is allowed under one condition. */
function holds(condition: string, data: DocumentData = {}, others: Record<string, DocumentData> = {}): boolean {
  const ruleset = parseRules(document(`match /things/{thing} { allow create: if ${condition}; }`));
  const root = '/databases/(default)/documents/';
  const before = new Map(Object.entries(others));
  const after = new Map(before).set('things/t1', data);
  const documents = {
    read: (path: string, when: 'before' | 'after') => (when === 'before' ? before : after).get(path.slice(root.length)),
  };
  return decide(ruleset, { method: 'create', path: `${root}things/t1`, uid: 'alice', documents }).allowed;
}

describe('rules interpreter: expressions', () => {
  const examples: [string, boolean][] = [
    ['true', true],
    ['false', false],
    ['1 + 2 * 3 == 7', true],
    ['(1 + 2) * 3 == 7', false],
    ['7 % 4 == 3 && -1 < 0', true],
    ['true || false && false', true],
    ['!false && true', true],
    ['!(false && true)', true],
    ['\'a\' == "a"', true],
    ["1 == '1'", false],
    ['null == null', true],
    ["'b' in ['a', 'b']", true],
    ["!('c' in ['a', 'b'])", true],
    ["'n' in request.resource.data", true],
    ['request.resource.data.n == 1', true],
    ["request.resource.data['n'] == 1", true],
    ['request.resource.data.absent == 1', false],
    ['!(request.resource.data.absent == 1)', false],
    ["request.resource.data.get('absent', 5) == 5", true],
    ["request.resource.data.get(['m', 'a'], null) == 'x'", true],
    ["request.resource.data.get(['m', 'b'], null) == null", true],
    ["request.resource.data.get(['n', 'b'], null) == null", false],
    ["request.resource.data.keys().hasAll(['n', 'm'])", true],
    ["request.resource.data.keys().hasOnly(['n'])", false],
    ["request.resource.data.keys().hasAny(['n', 'z'])", true],
    ["request.resource.data.l == ['a', 'b'] && request.resource.data.l[1] == 'b'", true],
    ['request.resource.data.l[2] == null', false],
    ['request.resource.data.l.size() == 2', true],
    ["request.resource.data.m.diff(request.resource.data).affectedKeys().hasAny(['n'])", true],
    ["'word'.size() == 4 && 'word'.matches('w.*')", true],
    ["'word'.matches('or')", false],
    ["'word' is string && 1 is number && ['a'] is list && true is bool && request is map", true],
    ["thing == 't1' && database == '(default)'", true],
    ["request.path[3] == 'things' && request.path[4] == 't1'", true],
    ["request.auth.uid == 'alice' && request.method == 'create'", true],
    ['exists(/databases/$(database)/documents/others/o1)', true],
    ['exists(/databases/$(database)/documents/others/$(thing))', false],
    ['exists(/databases/(default)/documents/others/o1)', true],
    ['get(/databases/$(database)/documents/others/o1).data.kind == 7', true],
    ['get(/databases/$(database)/documents/others/o2) == null', true],
    ['get(/databases/$(database)/documents/others/o2).data.kind == 7', false],
    ['!exists(/databases/$(database)/documents/things/t1)', true],
    ['existsAfter(/databases/$(database)/documents/things/t1)', true],
    ['getAfter(/databases/$(database)/documents/things/t1).data.n == 1', true],
    ['resource == null', true],
    ["'text'", false],
    ['1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3 && 1 != 2', true],
    ["1 < '2'", false],
  ];
  for (const [condition, expected] of examples) {
    it(`${condition} -> ${expected}`, () => {
      const data = { n: 1, m: { a: 'x' }, l: ['a', 'b'] };
      assert.equal(holds(condition, data, { 'others/o1': { kind: 7 } }), expected);
    });
  }
});

describe('rules interpreter: what it does not know', () => {
  for (const condition of [
    '1 / 2 == 0',
    'true ? true : false',
    "{'a': 1} == {}",
    "['a', 'b'][0:1] == ['a']",
    "'a\\n' == 'a'",
    'request.time < timestamp.date(2026, 1, 1)',
    'request.auth.token.admin == true',
    "request.resource.__name__ == 'a'",
    'request.query.limit < 10',
    'request.auth.uid.lower() == 1',
    'request.resource.data.n is timestamp',
    'nowhere == 1',
    'unheard(1)',
    'debug(true)',
  ]) {
    it(`refuses to judge: ${condition}`, () => {
      assert.throws(() => holds(condition, { n: 1 }), UnsupportedRulesError);
    });
  }

  it('refuses to judge what hangs on an error before "||" or "&&"', () => {
    assert.throws(() => holds('request.resource.data.absent == 1 || true'), UnsupportedRulesError);
    assert.throws(() => holds('request.resource.data.absent == 1 && false'), UnsupportedRulesError);
    assert.equal(holds('request.resource.data.absent == 1 && true'), false);
  });

  it('refuses rules of version 1', () => {
    assert.throws(() => parseRules('service cloud.firestore { }'), UnsupportedRulesError);
    assert.throws(() => parseRules("rules_version = '1';\nservice cloud.firestore { }"), UnsupportedRulesError);
  });

  it('names the place of a mistake', () => {
    assert.throws(
      () => parseRules(document('match /a/{b} { allow raed: if true; }')),
      (error) => {
        assert.ok(error instanceof RulesSyntaxError);
        assert.match(error.message, /^firestore\.rules:4:\d+: expected a method instead of "raed"/);
        return true;
      },
    );
    assert.throws(() => parseRules(document('match /a/{b} { allow read: if (true; }')), RulesSyntaxError);
    assert.throws(() => parseRules(`${document('')} match`), RulesSyntaxError);
  });
});

describe('rules interpreter: paths and functions', () => {
  const reads = async (rules: string, path: string) =>
    createInterpreterEngine(document(rules)).isAllowed({ given: {}, as: 'alice', request: { kind: 'get', path } });

  it('{x=**} at the end matches the document itself and everything below (version 2)', async () => {
    const rules = 'match /a/{rest=**} { allow read; }';
    assert.equal(await reads(rules, 'a/1'), true);
    assert.equal(await reads(rules, 'a/1/b/2'), true);
    assert.equal(await reads(rules, 'b/1'), false);
    const below = 'match /a/{id}/{rest=**} { allow read; }';
    assert.equal(await reads(below, 'a/1'), true);
  });

  it('{x=**} in front matches at any depth', async () => {
    const rules = 'match /{path=**}/scenes/{id} { allow read; }';
    assert.equal(await reads(rules, 'scenes/1'), true);
    assert.equal(await reads(rules, 'a/1/scenes/1'), true);
    assert.equal(await reads(rules, 'a/1/scenes/1/b/2'), false);
  });

  it('{x} matches one segment, and an inner match goes on from its parent', async () => {
    const rules = 'match /a/{id} { match /b/{inner} { allow read: if id == "1" && inner == "2"; } }';
    assert.equal(await reads(rules, 'a/1/b/2'), true);
    assert.equal(await reads(rules, 'a/3/b/2'), false);
    assert.equal(await reads(rules, 'a/1'), false);
  });

  it('any rule that allows is enough', async () => {
    const rules = 'match /a/{id} { allow read: if false; } match /{all=**} { allow get: if true; }';
    assert.equal(await reads(rules, 'a/1'), true);
  });

  it('functions see their parameters, their bindings and the wildcards around them', async () => {
    const rules = `
      function same(x, y) { let equal = x == y; return equal && database == '(default)'; }
      match /a/{id} {
        function isOne() { return same(id, '1'); } // a comment
        allow read: if /* another */ isOne();
      }`;
    assert.equal(await reads(rules, 'a/1'), true);
    assert.equal(await reads(rules, 'a/2'), false);
  });

  it('a function that calls itself for ever is an error, not a hang', async () => {
    assert.equal(await reads('function f() { return f(); } match /a/{id} { allow read: if f(); }', 'a/1'), false);
  });
});
