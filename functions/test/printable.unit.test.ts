// Attacks: an id, an actor or an error that steers the terminal it is printed to.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { printable } from '../src/printable.ts';

describe('printable', () => {
  for (const [name, text, expected] of [
    ['colours and cursor moves', 'a\u001b[2J\u001b[31mb', 'a\\u001b[2J\\u001b[31mb'],
    ['the window title', '\u001b]0;owned\u0007', '\\u001b]0;owned\\u0007'],
    ['sequences of C1', '\u009b31m\u0085', '\\u009b31m\\u0085'],
    ['new lines and carriage returns', 'ok\r\n3 released.', 'ok\\u000d\\u000a3 released.'],
    ['line separators', 'a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
    ['text that runs backwards', 'user-\u202e71\u2066x\u061c\u200f', 'user-\\u202e71\\u2066x\\u061c\\u200f'],
    ['deleting', 'a\u007fb\u0008', 'a\\u007fb\\u0008'],
    ['half a pair', 'a\ud83d!', 'a\\ud83d!'],
  ] as const) {
    it(`shows instead of doing: ${name}`, () => assert.equal(printable(text), expected));
  }

  it('leaves what people write: accents, CJK, emoji with joiners', () => {
    for (const text of ['Zoë’s 企画 “A”', '👩‍🚀 café', 'a/b_c-1.2~é']) assert.equal(printable(text), text);
  });

  it('never lets a control character through, and keeps JSON the same JSON', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(text, (value) => {
        assert.doesNotMatch(printable(value), /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
        assert.equal(JSON.parse(printable(JSON.stringify(value))), value);
        assert.equal(printable(printable(value)), printable(value));
      }),
    );
  });
});
