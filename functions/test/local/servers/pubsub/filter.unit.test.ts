import assert from 'node:assert/strict';
import { compileFilter } from '../../../../local/servers/pubsub/filter.ts';

const sampleMessage = { type: 'ProjectDeleted', region: 'eu-west', 'iana.org/language': 'de', quoted: 'say "hi"' };

describe('subscription filters', () => {
  const passing = [
    '',
    'attributes:type',
    'attributes:"iana.org/language"',
    'attributes."iana.org/language" = "de"',
    'attributes.type = "ProjectDeleted"',
    'attributes.type="ProjectDeleted"',
    'attributes.type != "ProjectCreated"',
    'attributes.absent != "anything"',
    'NOT attributes:absent',
    '-attributes:absent',
    'hasPrefix(attributes.region, "eu-")',
    'attributes:type AND attributes:region AND NOT attributes:absent',
    'attributes:absent OR hasPrefix(attributes.type, "Project")',
    '(attributes:absent OR attributes:type) AND attributes.region = "eu-west"',
    'NOT (attributes:absent AND attributes:type)',
    'attributes.quoted = "say \\"hi\\""',
  ];
  for (const filter of passing) {
    it(`passes: ${filter}`, () => assert.equal(compileFilter(filter)(sampleMessage), true));
  }

  const blocking = [
    'attributes:absent',
    'attributes:constructor',
    'attributes.type = "projectdeleted"',
    'attributes.absent = ""',
    'attributes.type != "ProjectDeleted"',
    'NOT attributes:type',
    'hasPrefix(attributes.region, "us-")',
    'hasPrefix(attributes.absent, "")',
    'attributes:type AND attributes:absent',
    'attributes:absent OR attributes:other',
    'NOT attributes:absent AND attributes:absent',
  ];
  for (const filter of blocking) {
    it(`blocks: ${filter}`, () => assert.equal(compileFilter(filter)(sampleMessage), false));
  }

  const wrong: [string, RegExp][] = [
    ['attributes.a = "1" AND attributes.b = "2" OR attributes.c = "3"', /parentheses/],
    ['attributes.a = 1', /expected string/],
    ['attributes.a ~ "1"', /unexpected "~"/],
    ['attributes.a', /expected !=/],
    ['data = "x"', /expected "attributes"/],
    ['attributes:a and attributes:b', /unexpected "and"/],
    ['(attributes:a', /expected \)/],
    ['attributes.a = "open', /unexpected """/],
    [`attributes.a = "${'x'.repeat(256)}"`, /256 bytes/],
  ];
  for (const [filter, message] of wrong) {
    it(`refuses: ${filter.slice(0, 60)}`, () => assert.throws(() => compileFilter(filter), message));
  }
});
