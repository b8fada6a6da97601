import assert from 'node:assert/strict';
import { chooseFirestore, type FirestoreChoice } from '../../../local/emulators/chooseFirestore.ts';

describe('the Firestore behind the emulated functions', () => {
  const java = (version: string) => `openjdk version "${version}" 2025-04-15\nOpenJDK Runtime Environment`;
  type Case = readonly [string, Parameters<typeof chooseFirestore>, FirestoreChoice['kind'], RegExp];
  const cases: readonly Case[] = [
    ["Firebase's own with Java 21", [undefined, false, java('21.0.4')], 'official', /Java 21/],
    ["Firebase's own with a newer Java", [undefined, false, java('25')], 'official', /Java 25/],
    ['ours without Java', [undefined, false, ''], 'ours', /needs Java 21, and there is no Java/],
    ['ours with a Java that does not run', [undefined, false, 'Unable to locate a Java Runtime.'], 'ours', /no Java/],
    ['ours with an old Java', [undefined, false, java('17.0.15')], 'ours', /needs Java 21, this is Java 17/],
    ['ours with a Java of the old counting', [undefined, false, 'java version "1.8.0_402"'], 'ours', /Java 8/],
    ['ours when asked for', [undefined, true, java('21')], 'ours', /asked for/],
    ['the one that is named, whatever else there is', ['db:1', true, ''], 'given', /FIRESTORE_EMULATOR_HOST/],
  ];
  for (const [what, args, kind, why] of cases) {
    it(`is ${what}`, () => {
      const choice = chooseFirestore(...args);
      assert.equal(choice.kind, kind);
      assert.match(choice.why, why);
    });
  }
});
