// Where alerts are sent is a secret: only encrypted, and never quoted in what is said about it.
import assert from 'node:assert/strict';
import { readAddresses, TargetAddressesError } from '../../src/alerts/webhooks/addresses.ts';

const team = { name: 'team', format: 'slack' } as const;
const onCall = { name: 'on-call', format: 'pagerduty' } as const;

describe('the addresses of targets', () => {
  it('are read from one secret, by name', () => {
    const addresses = readAddresses('{"team":"https://hooks.example/x","on-call":"KEY","other":1}', [team, onCall]);
    assert.deepEqual(addresses.get('team'), { format: 'slack', url: 'https://hooks.example/x' });
    assert.deepEqual(addresses.get('on-call'), {
      format: 'pagerduty',
      routingKey: 'KEY',
      url: 'https://events.pagerduty.com/v2/enqueue',
    });
  });

  for (const [what, secret, problem] of [
    ['no JSON', 'https://hooks.example/S3CR3T', /is not a JSON object/],
    ['nothing for a target', '{}', /has nothing for the target "team"/],
    ['no URL', '{"team":"S3CR3T"}', /has no URL/],
    ['no encryption', '{"team":"http://hooks.example/S3CR3T"}', /not https/],
    ['another protocol', '{"team":"file:///S3CR3T"}', /not https/],
    ['a host that only begins like this machine', '{"team":"http://localhost.example/S3CR3T"}', /not https/],
    ['a user', '{"team":"https://S3CR3T:x@hooks.example/"}', /with a user/],
  ] as const) {
    it(`are refused with ${what}, without being quoted`, () => {
      assert.throws(
        () => readAddresses(secret, [team]),
        (error) =>
          error instanceof TargetAddressesError && problem.test(error.message) && !error.message.includes('S3CR3T'),
      );
    });
  }

  it('may be on this machine without encryption', () => {
    assert.equal(
      readAddresses('{"team":"http://127.0.0.1:8080/x"}', [team]).get('team')?.url,
      'http://127.0.0.1:8080/x',
    );
  });
});
