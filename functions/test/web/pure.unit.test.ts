// Decisions of the page that need no browser: attacks "a gap is not a zero", "a list that grows at its top loses and
// doubles nothing" and "an emulator's sign-in is for pages of this machine".
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { mergePages } from '../../web/src/api/mergePages.ts';
import { withPatience } from '../../web/src/api/patience.ts';
import { isLocalPage, localSettings } from '../../web/src/auth/settings.ts';
import { duration, linesOf, share, utcTime } from '../../web/src/format.ts';
import { loneIndexes, unmeasuredSpans } from '../../web/src/parts/gaps.ts';

const keyOf = (key: number) => String(key);

describe('values of copied fields', () => {
  it('are a line for each entry of a list or a map, and never the word "object"', () => {
    const members = [
      { name: 'Mara Okafor', role: 'owner', userId: 'user-17' },
      { role: 'viewer', userId: 'user-3', since: null, shifts: ['day', 'night'], place: { city: 'Oslo', floor: 2 } },
    ];
    assert.deepEqual(linesOf(members), [
      'Mara Okafor, role: owner, user id: user-17',
      'role: viewer, user id: user-3, since: none, shifts: (day, night), place: (city: Oslo, floor: 2)',
    ]);
    assert.deepEqual(linesOf({ width: 3840, tags: ['ink'], dark: false }), [
      'width: 3840',
      'tags: (ink)',
      'dark: false',
    ]);
    for (const [value, lines] of [
      ['text', ['text']],
      [null, ['none']],
      [0, ['0']],
      [[], []],
      [{}, []],
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
    ] as const) {
      assert.deepEqual(linesOf(value), lines);
    }
    fc.assert(fc.property(fc.jsonValue(), (value) => linesOf(value).every((line) => !line.includes('[object'))));
  });
});

describe('lists of the page', () => {
  it('are what the API has, whatever was added at the top and however many pages were loaded', () => {
    const sizes = fc.record({
      before: fc.nat(60),
      added: fc.nat(12),
      page: fc.integer({ min: 1, max: 12 }),
      pages: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(sizes, ({ before, added, page, pages }) => {
        const older = Array.from({ length: before }, (_, index) => before - index);
        const all = [...Array.from({ length: added }, (_, index) => before + added - index), ...older];
        const known = older.slice(0, page * pages);
        const merged = mergePages(known, all.slice(0, page), all.length > page, keyOf);
        // More than a page of news: what is known is loaded again.
        const isBridged = added < page && known.length > 0;
        const expected =
          isBridged && all.length > page ? all.slice(0, Math.max(page, known.length + added)) : all.slice(0, page);
        assert.deepEqual(merged, expected);
      }),
    );
  });

  it('lose what has left the list', () => {
    assert.deepEqual(mergePages([5, 4, 3, 2, 1], [5, 3, 2], true, keyOf), [5, 3, 2, 1]);
    assert.deepEqual(mergePages([5, 4, 3, 2, 1], [3, 1], false, keyOf), [3, 1]);
  });
});

describe('a request of the page', () => {
  it('that nobody answers ends, so that a poll goes on; also when its screen is left', async () => {
    const hang: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        const { signal } = init ?? {};
        if (signal?.aborted) reject(signal.reason);
        signal?.addEventListener('abort', () => reject(signal.reason));
      });
    const { signal } = new AbortController();
    for (const init of [undefined, { signal }]) {
      await assert.rejects(withPatience(hang, 1)('/api/now', init), { name: 'TimeoutError' });
    }
    await assert.rejects(withPatience(hang)('/api/now', { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });
});

describe('gaps of a plot', () => {
  it('are the times in which no line has a value, half a step wider on both sides', () => {
    const spans = unmeasuredSpans(
      [0, 10, 20, 30, 40],
      [
        [1, null, null, 0, null],
        [1, null, null, null, 3],
      ],
    );
    assert.deepEqual(spans, [{ from: 5, to: 25 }]);
    assert.deepEqual(unmeasuredSpans([0, 10], [[0, 0]]), []);
    assert.deepEqual(unmeasuredSpans([], []), []);
  });

  it('leave values alone, which are drawn as points', () => {
    assert.deepEqual(loneIndexes([1, null, 0, null, 2, 3]), [0, 2]);
  });
});

describe('sign-in of a local page', () => {
  const script = `var firebaseConfig = {
  "apiKey": "local",
  "projectId": "demo-lockstep"
};
if (firebaseConfig) {
  var firebaseEmulators = {
  "auth": { "host": "127.0.0.1", "port": 9099, "hostAndPort": "127.0.0.1:9099" }
};
}`;
  it("finds the emulator in Hosting's script, on one line or on many", () => {
    const expected = { app: { apiKey: 'local', projectId: 'demo-lockstep' }, emulator: 'http://127.0.0.1:9099' };
    assert.deepEqual(localSettings(script), expected);
    assert.deepEqual(localSettings(script.replaceAll('\n', ' ')), expected);
    assert.throws(() => localSettings('var firebaseConfig = undefined;'), /firebase apps:create web/);
  });

  it('is not for pages from elsewhere', () => {
    assert.deepEqual(['localhost', '127.0.0.1', '[::1]'].map(isLocalPage), [true, true, true]);
    assert.deepEqual(['localhost.evil.example', 'app.web.app', '10.0.0.1'].map(isLocalPage), [false, false, false]);
  });
});

describe('numbers for people', () => {
  it('have a unit, and never promise 100 % too early', () => {
    assert.deepEqual([420, 1_900, 120_000, 5_400_000, 172_800_000].map(duration), [
      '420 ms',
      '1.9 s',
      '2 min',
      '1.5 h',
      '2 d',
    ]);
    assert.deepEqual([1, 0.99999, 0.5].map(share), ['100 %', '99.99 %', '50.00 %']);
    assert.equal(utcTime(0), '1970-01-01 00:00:00 UTC');
  });
});
