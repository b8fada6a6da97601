import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type FilePlace, fileNamedBy, isFileName } from '../../src/files/fileName.ts';
import { filesOfAsset, rootFieldOf } from '../../src/files/filesOfAsset.ts';

const place: FilePlace = { bucket: 'studio', prefix: 'media/', emulator: 'http://127.0.0.1:9199' };

/** Names that a file can have. */
const names = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .map((rest) => `${place.prefix}${rest}`)
  .filter((name) => isFileName(name, place));

const forms: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => `gs://${place.bucket}/${name}`,
  (name) =>
    `https://firebasestorage.googleapis.com/v0/b/${place.bucket}/o/${encodeURIComponent(name)}?alt=media&token=1-2`,
  (name) => `https://storage.googleapis.com/${place.bucket}/${name.split('/').map(encodeURIComponent).join('/')}`,
  (name) => `${place.emulator}/v0/b/${place.bucket}/o/${encodeURIComponent(name)}?alt=media`,
];

describe('files of an asset, for any content', () => {
  it('every form of a name is the same file', () => {
    fc.assert(
      fc.property(names, fc.constantFrom(...forms), (name, form) => {
        assert.deepEqual(fileNamedBy(form(name), place), { kind: 'file', name });
      }),
    );
  });

  it('whatever a value is, what it names lies in the bucket and below the prefix, and goes nowhere else', () => {
    const parts = fc.constantFrom(
      ...['..', '.', '/', '%2e', '%2F', '%', '\\', '?', '#', '@', ':', '\u0000', '\n', 'media', 'studio', 'backups'],
      ...[
        'gs://',
        'https://storage.googleapis.com/',
        'https://firebasestorage.googleapis.com/v0/b/',
        '/o/',
        'a',
        '\ud800',
      ],
    );
    const hostile = fc.array(parts, { maxLength: 12 }).map((all) => all.join(''));
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string(), hostile), (value) => {
        const named = fileNamedBy(value, place);
        if (named.kind !== 'file') return;
        assert.ok(named.name.startsWith(place.prefix) && named.name.length > place.prefix.length);
        // As a path and as part of a URL it stays where it is.
        const url = new URL(`https://h/${place.bucket}/${named.name.split('/').map(encodeURIComponent).join('/')}`);
        assert.ok(url.pathname.startsWith(`/${place.bucket}/${place.prefix}`), url.pathname);
      }),
      { numRuns: 2_000 },
    );
  });

  it('each text in a list is found, at any depth, and counted once', () => {
    const panels = fc.array(fc.record({ image: fc.option(fc.oneof(names, fc.webUrl())), other: fc.string() }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(panels, fc.option(names, { nil: undefined }), (list, cover) => {
        const data = { cover, board: { rows: [list, list] }, imageUrl: 'https://example.com/a.png' };
        const { names: found } = filesOfAsset(['cover', 'board.rows[][].image', 'none[].x'], data, place);
        const meant = [...list.map(({ image }) => image), cover].filter((name) => name?.startsWith(place.prefix));
        assert.deepEqual(found, [...new Set(meant)].sort());
      }),
    );
  });

  it('any shape of the data is read without an error', () => {
    fc.assert(
      fc.property(fc.anything(), (data) => {
        filesOfAsset(['a', 'a.b', 'a[]', 'a[].b[]', '__proto__', 'constructor.name'], data, place);
      }),
    );
  });

  it('what is ignored is counted', () => {
    const data = { list: ['media/a', 'gs://backups/media/a', 'elsewhere/a', 3, null, 'https://example.com/'] };
    assert.deepEqual(filesOfAsset(['list[]'], data, place), {
      names: ['media/a'],
      ignored: { 'another-bucket': 1, 'outside-prefix': 1, 'not-text': 1, 'not-in-storage': 1 },
    });
  });

  it('of a list, the whole list is read', () => {
    assert.deepEqual(['imageUrl', 'panels[].image', 'meta.rows[][].url'].map(rootFieldOf), [
      'imageUrl',
      'panels',
      'meta.rows',
    ]);
  });
});
