// The parts of the API that decide by themselves: rates, cursors, validators, repeated calls.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Agent } from 'node:https';
import type { LookupFunction } from 'node:net';
import fc from 'fast-check';
import { deleteApp, initializeApp } from 'firebase-admin/app';
import { getAppCheck } from 'firebase-admin/app-check';
import { z } from 'zod';
import { createApi } from '../../src/api/api.ts';
import { cursorOf, encodeCursor } from '../../src/api/cursor.ts';
import { entityTagOf, isKnown } from '../../src/api/entityTag.ts';
import { createAttestation } from '../../src/api/identity/attestation.ts';
import { ApiProblem } from '../../src/api/problem.ts';
import { createRateLimit } from '../../src/api/rateLimit.ts';
import { recent } from '../../src/api/recent.ts';
import { createReplay } from '../../src/api/replay.ts';
import { routes } from '../../src/api/routes.ts';
import { manualClock } from '../support/clock.ts';
import { recordedLog } from '../support/log.ts';
import { requestTo } from './api.fixture.ts';

describe('a rate limit', () => {
  it('lets no caller have more than a burst and the rate, in any time', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 60 }), (pauses) => {
        const clock = manualClock(0);
        const limit = createRateLimit(clock, { burst: 5, perSecond: 2 });
        let allowed = 0;
        for (const pause of pauses) {
          clock.advance(pause);
          const waitMs = limit.take('a');
          if (waitMs === 0) allowed += 1;
          else {
            clock.advance(waitMs);
            assert.equal(limit.take('a'), 0, 'what was promised');
            allowed += 1;
          }
          assert.ok(allowed <= 5 + (clock.now() / 1_000) * 2 + 1e-6);
        }
      }),
    );
  });

  it('is each caller’s own', () => {
    const limit = createRateLimit(manualClock(), { burst: 1, perSecond: 1 });
    assert.deepEqual([limit.take('a'), limit.take('a') > 0, limit.take('b')], [0, true, 0]);
  });

  it('answers 429 with Retry-After, before anything is read', async () => {
    const clock = manualClock();
    const refuse = () => Promise.reject(new Error('nothing is to be read'));
    const api = createApi({
      routes,
      views: new Proxy(Object.create(null), { get: () => refuse }),
      operations: refuse,
      identity: {
        verify: async () => ({ kind: 'session', session: { actor: 'a', role: 'viewer', uid: 'a' } }),
      },
      clock,
      log: recordedLog(),
      rateLimits: { burst: 2, perSecond: 0.5 },
    });
    const session = () => api(requestTo('/api/session', 'x.y.z'));
    assert.deepEqual([(await session()).status, (await session()).status], [200, 200]);
    const refused = await api(requestTo('/api/now', 'x.y.z'));
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '2']);
    clock.advance(2_000);
    assert.equal((await session()).status, 200);
  });
});

describe('App Check', () => {
  it('whose keys cannot be fetched says nothing about a token, and is asked again later', async () => {
    const lookup: LookupFunction = (_host, _options, answer) => answer(new Error('no network'), '');
    const credential = { getAccessToken: () => Promise.reject(new Error('not needed')) };
    const app = initializeApp(
      { projectId: 'demo-keys', credential, httpAgent: new Agent({ lookup }) },
      `keys-${randomUUID()}`,
    );
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { aud: ['projects/demo-keys'], iss: 'https://firebaseappcheck.googleapis.com/1', sub: 'app' };
    const token = [part({ alg: 'RS256', kid: 'k' }), part(claims), 'c2ln'].join('.');
    const attest = createAttestation(async () => getAppCheck(app));
    const request = new Request('https://example.com/', { headers: { 'x-firebase-appcheck': token } });
    try {
      await assert.rejects(attest(request), (error) => {
        assert.ok(error instanceof ApiProblem);
        assert.deepEqual([error.status, error.headers['retry-after']], [503, '5'], error.message);
        return true;
      });
    } finally {
      await deleteApp(app);
    }
  });

  it('where it is required, lets nothing pass that it does not attest, whatever the token', async () => {
    const api = createApi({
      routes,
      views: new Proxy(Object.create(null), { get: () => () => Promise.reject(new Error('nothing is to be read')) }),
      operations: () => Promise.reject(new Error('nothing is to be done')),
      identity: {
        verify: async () => ({ kind: 'session', session: { actor: 'a', role: 'operator', uid: 'a' } }),
      },
      attestation: createAttestation(async () => ({
        verifyToken: async (token) => {
          if (token !== 'attested') throw new Error('no');
          return { appId: 'app', token: { aud: [], exp: 0, iat: 0, iss: '', sub: '', app_id: 'app' } };
        },
      })),
      clock: manualClock(),
      log: recordedLog(),
    });
    const statusOf = async (path: string, headers: Readonly<Record<string, string>>) =>
      (await api(requestTo(path, 'x.y.z', undefined, headers))).status;
    assert.equal(await statusOf('/api/session', {}), 401);
    assert.equal(await statusOf('/api/session', { 'x-firebase-appcheck': 'other' }), 401);
    assert.equal(await statusOf('/api/session', { 'x-firebase-appcheck': 'attested' }), 200);
    assert.equal(await statusOf('/api/health', {}), 200);
  });
});

describe('a cursor', () => {
  const position = z.object({ at: z.number(), id: z.string() });

  it('comes back as it was; anything else is refused, never thrown', () => {
    const cursor = cursorOf(position);
    fc.assert(
      fc.property(fc.record({ at: fc.integer(), id: fc.string({ unit: 'grapheme' }) }), (value) => {
        assert.deepEqual(cursor.parse(encodeCursor(value)), { ...value });
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.jsonValue().map(encodeCursor)), (text) => {
        const parsed = cursor.safeParse(text);
        if (parsed.success) position.parse(parsed.data);
      }),
    );
  });
});

describe('an entity tag', () => {
  it('is that of the content, and known in any list of validators', () => {
    const tag = entityTagOf('content');
    assert.equal(tag, entityTagOf('content'));
    assert.notEqual(tag, entityTagOf('other content'));
    for (const header of [tag, `"x", ${tag}`, tag.replace('W/', ''), '*']) assert.ok(isKnown(header, tag), header);
    for (const header of [null, '', '"x"', entityTagOf('x')]) assert.ok(!isKnown(header, tag));
  });
});

describe('a repeated call', () => {
  const call = { key: 'k', caller: 'a', path: '/p', body: '{"x":1}' };

  it('gets the first answer, until its time is over; a failed one is made again', async () => {
    const clock = manualClock();
    const replay = createReplay<number>(clock);
    let calls = 0;
    const count = async () => {
      calls += 1;
      return calls;
    };
    await assert.rejects(replay.once(call, () => Promise.reject(new Error('no'))));
    assert.deepEqual(await Promise.all([replay.once(call, count), replay.once(call, count)]), [1, 1]);
    assert.equal(await replay.once({ ...call, caller: 'b' }, count), 2);
    await assert.rejects(async () => replay.once({ ...call, body: '{"x":2}' }, count), /another request/);
    clock.advance(11 * 60_000);
    assert.equal(await replay.once(call, count), 3);
  });
});

describe('a recent answer', () => {
  it('serves who asks soon after, and a failure nobody', async () => {
    const clock = manualClock();
    let asked = 0;
    const answer = recent(clock, 1_000, async () => {
      asked += 1;
      if (asked === 1) throw new Error('no');
      return asked;
    });
    await assert.rejects(answer());
    assert.deepEqual([await answer(), await answer()], [2, 2]);
    clock.advance(1_000);
    assert.equal(await answer(), 3);
  });
});
