// What other packages import from this one: attacks "the published contract is there".
import assert from 'node:assert/strict';

describe('the package exports', () => {
  for (const [entry, names] of Object.entries({
    'lockstep/events': ['projectEventSchema', 'eventJsonSchema', 'projectConvergedSchema', 'isOlderState'],
    'lockstep/in-step': ['createInStep'],
  })) {
    it(`${entry}: ${names.join(', ')}`, async () => {
      const exported: object = await import(entry);
      for (const name of names) assert.ok(name in exported, name);
    });
  }
});
