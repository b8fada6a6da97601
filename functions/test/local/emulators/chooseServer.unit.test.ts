import assert from 'node:assert/strict';
import {
  type Choice,
  type Circumstances,
  chooseServer,
  javaMajorVersion,
} from '../../../local/emulators/chooseServer.ts';

const there: Circumstances = { java: 21, download: { kind: 'there' }, preferOurs: false };

describe('which server stands behind a service', () => {
  const cases: readonly (readonly [string, Partial<Circumstances>, Choice['kind'], RegExp])[] = [
    ["Firebase's own, downloaded before", {}, 'official', /Java 21, downloaded before/],
    [
      "Firebase's own, which can be fetched",
      { download: { kind: 'fetchable', url: 'https://x', bytes: 136_707_194 } },
      'official',
      /130 MiB/,
    ],
    ['ours without Java', { java: undefined }, 'ours', /needs Java 21, and there is no Java/],
    ['ours with an old Java', { java: 17 }, 'ours', /needs Java 21, and this is Java 17/],
    [
      'ours where nothing can be fetched',
      { download: { kind: 'out-of-reach', why: 'storage.example does not answer' } },
      'ours',
      /storage\.example does not answer/,
    ],
    ['ours when asked for', { preferOurs: true }, 'ours', /asked for/],
    [
      'the one that is named, whatever else there is',
      { given: { variable: 'FIRESTORE_EMULATOR_HOST', host: 'db:1' }, preferOurs: true },
      'given',
      /FIRESTORE_EMULATOR_HOST/,
    ],
  ];
  for (const [what, circumstances, kind, why] of cases) {
    it(`is ${what}`, () => {
      const choice = chooseServer({ ...there, ...circumstances });
      assert.equal(choice.kind, kind);
      assert.match(choice.why, why);
    });
  }
});

describe('the version of Java', () => {
  it('is the major one, in the old and the new counting', () => {
    assert.equal(javaMajorVersion('openjdk version "21.0.4" 2024-07-16 LTS\nOpenJDK Runtime Environment'), 21);
    assert.equal(javaMajorVersion('openjdk version "25" 2025-09-16'), 25);
    assert.equal(javaMajorVersion('java version "1.8.0_402"'), 8);
    assert.equal(javaMajorVersion('The operation could not be completed. Unable to locate a Java Runtime.'), undefined);
  });
});
