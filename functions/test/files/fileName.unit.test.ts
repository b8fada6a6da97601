import assert from 'node:assert/strict';
import { type FilePlace, fileNamedBy, isFileName } from '../../src/files/fileName.ts';

const place: FilePlace = { bucket: 'studio.appspot.com', prefix: 'media/', emulator: null };
const file = { kind: 'file', name: 'media/p1/a b.png' };

describe('the file that a value names', () => {
  const forms: Readonly<Record<string, string>> = {
    'a gs:// URI': 'gs://studio.appspot.com/media/p1/a b.png',
    'a path of an object': 'media/p1/a b.png',
    'a download URL':
      'https://firebasestorage.googleapis.com/v0/b/studio.appspot.com/o/media%2Fp1%2Fa%20b.png?alt=media&token=4f-1',
    'a download URL with a port':
      'https://firebasestorage.googleapis.com:443/v0/b/studio.appspot.com/o/media%2Fp1%2Fa%20b.png?alt=media',
    'a URL of Cloud Storage': 'https://storage.googleapis.com/studio.appspot.com/media/p1/a%20b.png',
    'a signed URL': 'https://storage.googleapis.com/studio.appspot.com/media/p1/a%20b.png?X-Goog-Signature=ab%2Fcd',
    'a URL that is signed with the bucket in the host':
      'https://studio.appspot.com.storage.googleapis.com/media/p1/a%20b.png?X-Goog-Signature=ab%2Fcd',
    'a link of the console': 'https://storage.cloud.google.com/studio.appspot.com/media/p1/a%20b.png?authuser=0',
    'the mediaLink of an object':
      'https://storage.googleapis.com/download/storage/v1/b/studio.appspot.com/o/media%2Fp1%2Fa%20b.png?alt=media',
    'the selfLink of an object': 'https://www.googleapis.com/storage/v1/b/studio.appspot.com/o/media%2Fp1%2Fa%20b.png',
    'a URL without encryption': 'http://storage.googleapis.com/studio.appspot.com/media/p1/a%20b.png',
    'another case of scheme and host': 'HTTPS://Storage.GoogleAPIs.com/studio.appspot.com/media/p1/a%20b.png',
  };
  for (const [form, value] of Object.entries(forms)) {
    it(`is read from ${form}`, () => assert.deepEqual(fileNamedBy(value, place), file));
  }

  it('is none where there is no value', () => {
    for (const value of [null, undefined, '']) assert.deepEqual(fileNamedBy(value, place), { kind: 'nothing' });
  });

  const attacks: readonly (readonly [what: string, value: unknown, why: string])[] = [
    ['a number', 7, 'not-text'],
    ['a map', { name: 'media/a' }, 'not-text'],
    ['a list', ['media/a'], 'not-text'],
    ['another server', 'https://example.com/v0/b/studio.appspot.com/o/media%2Fa', 'not-in-storage'],
    [
      'a host that only begins alike',
      'https://storage.googleapis.com.evil.com/studio.appspot.com/media/a',
      'not-in-storage',
    ],
    [
      'a host behind a user name',
      'https://storage.googleapis.com@evil.com/studio.appspot.com/media/a',
      'not-in-storage',
    ],
    [
      'a user name that looks like a host with the bucket in it',
      'https://studio.appspot.com.storage.googleapis.com@evil.com/media/a',
      'not-in-storage',
    ],
    [
      'a path that looks like one',
      'https://evil.com/studio.appspot.com.storage.googleapis.com/media/a',
      'not-in-storage',
    ],
    ['another bucket in the host', 'https://backups.storage.googleapis.com/media/a', 'another-bucket'],
    [
      'another bucket in a mediaLink',
      'https://storage.googleapis.com/download/storage/v1/b/backups/o/media%2Fa',
      'another-bucket',
    ],
    ['data', 'data:image/png;base64,AAAA', 'not-in-storage'],
    ['a local server in a deployment', 'http://127.0.0.1:9199/v0/b/studio.appspot.com/o/media%2Fa', 'not-in-storage'],
    [
      'an encoding that is broken',
      'https://storage.googleapis.com/studio.appspot.com/media/%E0%A4%A',
      'not-in-storage',
    ],
    [
      'a slash in the encoded name',
      'https://firebasestorage.googleapis.com/v0/b/studio.appspot.com/o/media/a',
      'not-in-storage',
    ],
    ['another bucket', 'gs://backups/media/a', 'another-bucket'],
    ['a bucket in another case', 'gs://Studio.appspot.com/media/a', 'another-bucket'],
    ['a bucket that goes up', 'https://storage.googleapis.com/../studio.appspot.com/media/a', 'another-bucket'],
    ['an encoded bucket that goes on', 'https://storage.googleapis.com/studio.appspot.com%2Fmedia/a', 'another-bucket'],
    ['a neighbour of the prefix', 'media-old/a', 'outside-prefix'],
    ['the prefix itself', 'media/', 'outside-prefix'],
    ['a folder', 'media/p1/', 'outside-prefix'],
    ['a slash before', '/media/a', 'outside-prefix'],
    ['the prefix in another case', 'Media/a', 'outside-prefix'],
    ['a path that leaves the prefix', 'media/../backups/a', 'unsafe-name'],
    [
      'an encoded path that leaves it',
      'https://storage.googleapis.com/studio.appspot.com/media/%2e%2e/a',
      'unsafe-name',
    ],
    [
      'one in a download URL',
      'https://firebasestorage.googleapis.com/v0/b/studio.appspot.com/o/media%2F..%2Fa',
      'unsafe-name',
    ],
    ['a dot', 'media/./a', 'unsafe-name'],
    ['a backslash', 'media\\..\\a', 'unsafe-name'],
    ['a line break', 'media/a\n', 'unsafe-name'],
    ['an encoded zero', 'https://storage.googleapis.com/studio.appspot.com/media/a%00', 'unsafe-name'],
    ['half a character', 'media/\ud800', 'unsafe-name'],
    ['a name that is too long', `media/${'ä'.repeat(600)}`, 'unsafe-name'],
  ];
  for (const [what, value, why] of attacks) {
    it(`ignores ${what}: ${why}`, () => assert.deepEqual(fileNamedBy(value, place), { kind: 'ignored', why }));
  }

  it('decodes once: what is encoded twice has percent signs in its name', () => {
    const value = 'https://storage.googleapis.com/studio.appspot.com/media/%252e%252e/a';
    assert.deepEqual(fileNamedBy(value, place), { kind: 'file', name: 'media/%2e%2e/a' });
  });

  it('is read from the URL of the local server, and of no other', () => {
    const local = { ...place, emulator: 'http://127.0.0.1:9199' };
    const path = '/v0/b/studio.appspot.com/o/media%2Fp1%2Fa%20b.png?alt=media';
    assert.deepEqual(fileNamedBy(`http://127.0.0.1:9199${path}`, local), file);
    assert.deepEqual(fileNamedBy(`http://127.0.0.1:91990${path}`, local), { kind: 'ignored', why: 'not-in-storage' });
  });

  it('a name by itself is held to the same rules', () => {
    assert.equal(isFileName('media/a', place), true);
    for (const name of ['', 'media/', 'other/a', 'media/../a']) assert.equal(isFileName(name, place), false, name);
  });
});
