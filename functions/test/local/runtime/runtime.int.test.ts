import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { manualClock } from '../../support/clock.ts';
import { settled, until } from '../../support/until.ts';
import { bundlePath, projectId, type RuntimeFixture, startFixture } from './fixture.ts';

const secondMs = 1000;

describe('functions runtime: triggers and processes', () => {
  let fixture: RuntimeFixture;
  afterEach(() => fixture.close());

  const statsOf = (name: string) => {
    const stats = fixture.server.stats()[`projects/${projectId}/subscriptions/eventarc-${name}-sub`];
    assert.ok(stats);
    return stats;
  };
  const status = (name: string) => {
    const found = fixture.runtime.functions().find((entry) => entry.name === name);
    assert.ok(found);
    return found;
  };

  it('reads every trigger from the bundle, with parameters resolved', async () => {
    fixture = await startFixture({ env: { TOPIC_PREFIX: 'other' } });
    await fixture.runtime.waitUntilReady();
    const described = fixture.runtime.functions().map(({ name, kind, topic, document, schedule, state }) => ({
      name,
      kind,
      on: topic ?? document ?? schedule,
      state,
    }));
    assert.deepEqual(described, [
      { name: 'nightly', kind: 'schedule', on: '30 2 * * *', state: 'ready' },
      { name: 'onBoard', kind: 'firestore', on: 'boards/{board}', state: 'ready' },
      { name: 'onEvent', kind: 'pubsub', on: 'other-events', state: 'ready' },
      { name: 'onNotice', kind: 'pubsub', on: 'notices', state: 'ready' },
      { name: 'onPair', kind: 'pubsub', on: 'pairs', state: 'ready' },
      { name: 'onRemoved', kind: 'firestore', on: 'boards/{board}/panels/{panel}', state: 'ready' },
      { name: 'relay', kind: 'schedule', on: '* * * * *', state: 'ready' },
      { name: 'web-answer', kind: 'https', on: undefined, state: 'ready' },
      { name: 'web-hello', kind: 'https', on: undefined, state: 'ready' },
    ]);
    const pids = fixture.runtime.functions().map(({ pid }) => pid);
    assert.equal(new Set([...pids, process.pid]).size, 10, 'each in a process of its own');
  });

  it('delivers a message as the event that Cloud Functions make of it', async () => {
    fixture = await startFixture({ only: ['onEvent'] });
    await fixture.publish('test-events', { id: 'one', do: 'succeed' }, { type: 'x' });
    await fixture.server.idle();
    const [entry] = fixture.logged('event');
    assert.equal(entry?.function, 'onEvent');
    assert.equal(entry?.severity, 'INFO');
    assert.equal(entry?.pid, status('onEvent').pid);
    assert.equal(entry?.type, 'google.cloud.pubsub.topic.v1.messagePublished');
    assert.equal(entry?.source, `//pubsub.googleapis.com/projects/${projectId}/topics/test-events`);
    assert.deepEqual(entry?.attributes, { type: 'x' });
    assert.equal(entry?.subscription, `projects/${projectId}/subscriptions/eventarc-onevent-sub`);
    assert.equal(fixture.logged('ended', 'one').length, 1);
    assert.deepEqual([status('onEvent').invocations, status('onEvent').errors], [1, 0]);
  });

  it('redelivers a failed message, if the function asks for retries', async () => {
    fixture = await startFixture({ only: ['onEvent'] });
    await fixture.publish('test-events', { id: 'one', do: 'throw-once' });
    await fixture.server.idle();
    assert.equal(fixture.logged('started', 'one').length, 2);
    assert.equal(fixture.logged('ended', 'one').length, 1);
    assert.equal(statsOf('onevent').nacked, 1);
    assert.deepEqual([status('onEvent').invocations, status('onEvent').errors], [2, 1]);
    assert.ok(fixture.log.some((entry) => entry.severity === 'ERROR' && entry.message.includes('told to fail: one')));
  });

  it('drops a failed message and logs it, if it does not', async () => {
    fixture = await startFixture({ only: ['onNotice'] });
    await fixture.publish('notices', { id: 'one', do: 'throw' });
    await fixture.server.idle();
    assert.equal(fixture.logged('started', 'one').length, 1);
    assert.equal(statsOf('onnotice').nacked, 0);
    const dropped = fixture.log.filter(({ message }) => message.includes('the message is dropped'));
    assert.equal(dropped.length, 1);
    assert.match(dropped[0]?.message ?? '', /told to fail: one/);
  });

  it('gives up on a function after its timeout, and the message is redelivered', async () => {
    const clock = manualClock();
    fixture = await startFixture({ only: ['onEvent'], clock });
    await fixture.publish('test-events', { id: 'one', do: 'hold-once' });
    await until(() => fixture.logged('started', 'one').length === 1);
    clock.advance(5 * secondMs - 1);
    await settled();
    assert.equal(statsOf('onevent').nacked, 0);
    clock.advance(1);
    await until(() => fixture.logged('ended', 'one').length === 1);
    await fixture.server.idle();
    assert.equal(statsOf('onevent').nacked, 1);
    assert.deepEqual([status('onEvent').invocations, status('onEvent').errors], [2, 1]);
  });

  it('refuses what finds no room for too long, and Pub/Sub redelivers it', async () => {
    fixture = await startFixture({ only: ['onEvent'], pendingMs: 0 });
    for (const id of ['one', 'two', 'three']) await fixture.publish('test-events', { id, do: 'hold' });
    await until(() => fixture.logged('started').length === 2 && statsOf('onevent').nacked > 0);
    assert.equal(status('onEvent').instances, 1);
    assert.equal(status('onEvent').errors, 0, 'a message that the function has not seen is not its error');
    const release = setInterval(() => process.kill(status('onEvent').pid ?? 0, 'SIGUSR2'), 20);
    try {
      await fixture.server.idle();
    } finally {
      clearInterval(release);
    }
    assert.equal(fixture.logged('ended').length, 3);
  });

  it('lets what finds no room wait in line for the only instance', async () => {
    fixture = await startFixture({ only: ['onEvent'] });
    for (const id of ['one', 'two', 'three']) await fixture.publish('test-events', { id, do: 'hold' });
    await until(() => fixture.logged('started').length === 2 && statsOf('onevent').delivered === 3);
    assert.equal(status('onEvent').instances, 1);
    const release = setInterval(() => process.kill(status('onEvent').pid ?? 0, 'SIGUSR2'), 20);
    try {
      await fixture.server.idle();
    } finally {
      clearInterval(release);
    }
    assert.equal(fixture.logged('ended').length, 3);
    assert.equal(statsOf('onevent').nacked, 0);
  });

  it('starts as many instances as the function declares, and not more', async () => {
    fixture = await startFixture({ only: ['onPair'] });
    for (const id of ['one', 'two', 'three']) await fixture.publish('pairs', { id, do: 'hold' });
    await until(() => fixture.logged('started').length === 2 && statsOf('onpair').delivered === 3);
    const { pids } = status('onPair');
    assert.equal(pids.length, 2);
    assert.deepEqual(new Set(fixture.logged('started').map(({ pid }) => pid)), new Set(pids));
    const release = setInterval(() => {
      for (const pid of pids) process.kill(pid, 'SIGUSR2');
    }, 20);
    try {
      await fixture.server.idle();
    } finally {
      clearInterval(release);
    }
    assert.equal(fixture.logged('ended').length, 3);
    assert.equal(statsOf('onpair').nacked, 0);
  });

  it('ends a process that holds more memory than its function declares, and redelivers', async () => {
    fixture = await startFixture({ only: ['onEvent'] });
    await fixture.publish('test-events', { id: 'one', do: 'fill-buffers-once' });
    await fixture.server.idle();
    assert.ok(fixture.log.some(({ message }) => /^memory limit of 256 MiB exceeded with \d+ MiB used$/.test(message)));
    assert.equal(fixture.log.filter(({ message }) => message.includes('was ended by SIGKILL')).length, 1);
    assert.equal(fixture.logged('ended', 'one').length, 1);
    assert.equal(status('onEvent').errors, 1);
  });

  it('crashes when the heap alone is too large, even in one turn of the event loop', async () => {
    fixture = await startFixture({ only: ['onEvent'] });
    await fixture.publish('test-events', { id: 'one', do: 'fill-heap-once' });
    await fixture.server.idle();
    assert.ok(fixture.log.some(({ message }) => message.includes('JavaScript heap out of memory')));
    assert.equal(fixture.logged('ended', 'one').length, 1);
  });

  it('has no CPU between invocations where that is asked for: work that goes on waits for the next one', async () => {
    fixture = await startFixture({ only: ['onEvent'], freezeIdle: true });
    await fixture.publish('test-events', { id: 'one', do: 'work-on' });
    await fixture.server.idle();
    const answeredAt = Date.now();
    // Longer than the late work would take.
    await until(() => Date.now() > answeredAt + 300);
    assert.equal(fixture.logged('late', 'one').length, 0);
    const nextAt = Date.now();
    await fixture.publish('test-events', { id: 'two', do: 'hold' });
    await until(() => fixture.logged('late', 'one').length === 1);
    assert.ok(Number(fixture.logged('late', 'one')[0]?.at) >= nextAt);
    process.kill(status('onEvent').pid ?? 0, 'SIGUSR2');
    await fixture.server.idle();
    await fixture.runtime.restart('onEvent');
    await fixture.runtime.kill('onEvent', 'SIGTERM');
  });

  it('redelivers what a killed process was working on, to the process that replaces it', async () => {
    fixture = await startFixture({ only: ['onEvent'] });
    await fixture.publish('test-events', { id: 'one', do: 'hold-once' });
    await until(() => fixture.logged('started', 'one').length === 1);
    const { pid } = status('onEvent');
    await fixture.runtime.kill('onEvent');
    await fixture.server.idle();
    assert.equal(fixture.logged('ended', 'one').length, 1);
    const after = status('onEvent');
    assert.notEqual(after.pid, pid);
    assert.equal(after.state, 'ready');
    assert.equal(after.errors, 1);
  });

  it('starts a crashed process again', async () => {
    fixture = await startFixture({ only: ['onEvent'] });
    await fixture.publish('test-events', { id: 'one', do: 'exit-once' });
    await fixture.server.idle();
    assert.equal(fixture.logged('ended', 'one').length, 1);
    assert.ok(fixture.log.some(({ message }) => message === 'the process ended with code 7'));
  });

  it('loses its process to a rejection that nobody catches, and logs it', async () => {
    fixture = await startFixture({ only: ['onEvent'] });
    await fixture.publish('test-events', { id: 'one', do: 'run-away' });
    await until(() => fixture.log.some(({ message }) => message === 'the process ended with code 1'));
    assert.ok(fixture.log.some(({ message }) => message.includes('nobody catches this')));
    await fixture.server.idle();
  });

  it('leaves a killed process dead when it is told to, until it is restarted', async () => {
    fixture = await startFixture({ only: ['onEvent'], keepAlive: false });
    await fixture.runtime.waitUntilReady();
    await fixture.runtime.kill('onEvent');
    assert.equal(status('onEvent').state, 'stopped');
    assert.equal((await fixture.runtime.fire('onEvent', { id: 'x', do: 'succeed' })).status, 503);
    await fixture.publish('test-events', { id: 'one', do: 'succeed' });
    await until(() => statsOf('onevent').nacked > 0);
    await fixture.runtime.restart('onEvent');
    await fixture.server.idle();
    assert.equal(fixture.logged('ended', 'one').length, 1);
  });

  it('hands on plain lines of output too', async () => {
    fixture = await startFixture({ only: ['onEvent'] });
    await fixture.runtime.fire('onEvent', { id: 'one', do: 'plain-text' });
    await until(() => fixture.logged('just text').length === 1);
    assert.equal(fixture.logged('just text')[0]?.function, 'onEvent');
  });

  it('ends its processes when it is closed, lets running work end, and leaves the messages in the subscription', async () => {
    fixture = await startFixture({ only: ['onEvent'] });
    await fixture.publish('test-events', { id: 'one', do: 'hold' });
    await until(() => fixture.logged('started', 'one').length === 1);
    const pid = status('onEvent').pid ?? 0;
    const closed = fixture.runtime.close();
    await fixture.publish('test-events', { id: 'two', do: 'succeed' });
    process.kill(pid, 'SIGUSR2');
    await closed;
    assert.equal(status('onEvent').state, 'stopped');
    assert.equal(fixture.logged('ended', 'one').length, 1);
    await until(() => statsOf('onevent').acked === 1);
  });

  it('kills what does not end by itself', async () => {
    fixture = await startFixture({ only: ['onEvent'], graceMs: 100 });
    await fixture.publish('test-events', { id: 'one', do: 'hold' });
    await until(() => fixture.logged('started', 'one').length === 1);
    await fixture.runtime.close();
    assert.equal(status('onEvent').pid, undefined);
    assert.equal(fixture.logged('ended', 'one').length, 0);
  });
});

describe('functions runtime: schedules', () => {
  let fixture: RuntimeFixture;
  afterEach(() => fixture.close());

  it('runs by the clock', async () => {
    const clock = manualClock();
    fixture = await startFixture({ only: ['relay'], schedules: true, clock });
    await fixture.runtime.waitUntilReady();
    clock.advance(60 * secondMs);
    await until(() => fixture.logged('scheduled').length === 1);
    clock.advance(60 * secondMs);
    await until(() => fixture.logged('scheduled').length === 2);
    assert.deepEqual(
      fixture.logged('scheduled').map(({ at }) => at),
      ['2026-01-01T00:01:00.000Z', '2026-01-01T00:02:00.000Z'],
    );
    assert.equal(fixture.logged('scheduled')[0]?.token, 'secret');
    assert.equal(fixture.logged('scheduled')[0]?.job, 'firebase-schedule-relay');
  });

  it('never runs two executions of a job at once: the next one starts when the first has ended', async () => {
    const clock = manualClock();
    fixture = await startFixture({ only: ['relay'], schedules: true, clock, env: { RELAY_DOES: 'hold' } });
    await fixture.runtime.waitUntilReady();
    clock.advance(60 * secondMs);
    await until(() => fixture.logged('started', 'relay').length === 1);
    clock.advance(200 * secondMs);
    await settled();
    assert.equal(fixture.logged('started', 'relay').length, 1);
    process.kill(fixture.runtime.functions()[0]?.pid ?? 0, 'SIGUSR2');
    await until(() => fixture.logged('started', 'relay').length === 2);
    process.kill(fixture.runtime.functions()[0]?.pid ?? 0, 'SIGUSR2');
    assert.deepEqual(
      fixture.logged('scheduled').map(({ at }) => at),
      ['2026-01-01T00:01:00.000Z', '2026-01-01T00:02:00.000Z'],
    );
  });

  it('logs no error when the stop of the runtime ends a scheduled run', async () => {
    const clock = manualClock();
    fixture = await startFixture({
      only: ['relay'],
      schedules: true,
      dueAtStart: ['relay'],
      clock,
      env: { RELAY_DOES: 'hold' },
      graceMs: 50,
    });
    await until(() => fixture.logged('started', 'relay').length === 1);
    await fixture.runtime.close();
    assert.deepEqual(
      fixture.log.filter(({ severity }) => severity !== 'INFO'),
      [],
    );
  });

  it('repeats a failed run as its retry settings say', async () => {
    const clock = manualClock(Date.UTC(2026, 6, 1, 0, 29));
    fixture = await startFixture({ only: ['nightly'], schedules: true, clock });
    await fixture.runtime.waitUntilReady();
    const failed = () => fixture.log.filter(({ message }) => message.startsWith('the scheduled run failed')).length;
    clock.advance(60 * secondMs);
    await until(() => failed() === 1);
    assert.equal(fixture.logged('nightly')[0]?.at, '2026-07-01T00:30:00.000Z', 'half past two in Berlin');
    for (const [seconds, runs] of [
      [10, 2],
      [20, 3],
    ] as const) {
      await settled();
      clock.advance(seconds * secondMs);
      await until(() => failed() === runs);
    }
    await settled();
    clock.advance(3600 * secondMs);
    await settled();
    assert.equal(fixture.logged('nightly').length, 3);
  });

  it('runs on request, and returns the error', async () => {
    fixture = await startFixture({ only: ['relay', 'nightly', 'onEvent'] });
    assert.deepEqual(await fixture.runtime.fire('relay'), { status: 200, ok: true });
    const failed = await fixture.runtime.fire('nightly');
    assert.equal(failed.status, 500);
    assert.match(failed.error ?? '', /the night is dark/);
    assert.deepEqual(await fixture.runtime.fire('onEvent', { id: 'x', do: 'succeed' }), { status: 204, ok: true });
    await assert.rejects(
      fixture.runtime.fire('absent'),
      /There is no function absent; there are nightly, onEvent, relay/,
    );
  });
});

describe('functions runtime: front door', () => {
  let fixture: RuntimeFixture;
  afterEach(() => fixture.close());

  it('lists, runs and passes on requests', async () => {
    process.env.LOCKSTEP_TEST_LEAK = 'leaked';
    try {
      fixture = await startFixture({ only: ['nightly', 'onEvent', 'web-hello'] });
    } finally {
      delete process.env.LOCKSTEP_TEST_LEAK;
    }
    const { url } = fixture.runtime;
    const list = await (await fetch(url)).json();
    assert.deepEqual(list, { functions: fixture.runtime.functions() });
    const urls = fixture.runtime.functions().map((shown) => shown.url);
    assert.deepEqual(urls, [undefined, undefined, `${url}/web-hello`]);

    const hello = await fetch(`${url}/web-hello/some/path?a=1`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"b": 2}',
    });
    assert.equal(hello.status, 201);
    const { port, ...answer } = JSON.parse(await hello.text());
    assert.ok(Number(port) > 0);
    assert.deepEqual(answer, {
      path: '/some/path',
      query: { a: '1' },
      body: { b: 2 },
      raw: '{"b": 2}',
      names: ['a', 'b'],
      service: 'web-hello',
      project: projectId,
      emulator: 'not set',
      secret: 'not shown',
      home: 'not inherited',
    });

    const event = await fetch(`${url}/onEvent`, { method: 'POST', body: '{"id": "curl", "do": "succeed"}' });
    assert.equal(event.status, 200);
    assert.equal(fixture.logged('ended', 'curl').length, 1);
    const failed = await fetch(`${url}/nightly`, { method: 'POST' });
    assert.equal(failed.status, 500);
    assert.match(await failed.text(), /the night is dark/);
    assert.equal((await fetch(`${url}/nightly`)).status, 405);
    assert.equal((await fetch(`${url}/onEvent`, { method: 'POST', body: 'no json' })).status, 400);
    assert.equal((await fetch(`${url}/absent`, { method: 'POST' })).status, 404);
  });
});

describe('functions runtime: answers that stream', () => {
  let fixture: RuntimeFixture;
  afterEach(() => fixture.close());

  it('passes server-sent events on as they come, and lets the function see that the client left', async () => {
    fixture = await startFixture({ only: ['web-answer'] });
    const leave = new AbortController();
    const response = await fetch(`${fixture.runtime.url}/web-answer/events`, { signal: leave.signal });
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    const reader = response.body?.getReader();
    const next = async () => new TextDecoder().decode((await reader?.read())?.value);
    assert.equal(await next(), 'data: one\n\n');
    process.kill(fixture.runtime.functions()[0]?.pid ?? 0, 'SIGUSR2');
    assert.equal(await next(), 'data: two\n\n');
    leave.abort();
    await until(() => fixture.logged('client left').length === 1);
  });

  it('ends a stream at the timeout of the function', async () => {
    const clock = manualClock();
    fixture = await startFixture({ only: ['web-answer'], clock });
    const response = await fetch(`${fixture.runtime.url}/web-answer/events`);
    const reader = response.body?.getReader();
    await reader?.read();
    clock.advance(60 * secondMs);
    await assert.rejects(async () => reader?.read(), /terminated/);
    await until(() => fixture.runtime.functions()[0]?.errors === 1);
  });

  it('breaks the connection when the process dies under an answer', async () => {
    fixture = await startFixture({ only: ['web-answer'] });
    const response = await fetch(`${fixture.runtime.url}/web-answer/dies`);
    await assert.rejects(response.text(), /terminated/);
  });

  it('takes bodies up to 32 MB, with all headers', async () => {
    fixture = await startFixture({ only: ['web-answer'] });
    const bytes = 31 * 1024 * 1024;
    const post = (size: number) =>
      fetch(`${fixture.runtime.url}/web-answer/size`, {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body: new Uint8Array(size),
      });
    const response = await post(bytes);
    assert.deepEqual(await response.json(), { bytes });
    assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2']);
    assert.equal((await post(bytes + 2 * 1024 * 1024)).status, 413);
  });
});

describe('functions runtime: what it refuses', () => {
  const startAndClose = async (options: Parameters<typeof startFixture>[0]) => (await startFixture(options)).close();

  it('a bundle that does not load, with what it wrote', async () => {
    await assert.rejects(
      startAndClose({ bundle: '/nowhere/index.js' }),
      /Loading the bundle .*nowhere[\s\S]*ERR_MODULE_NOT_FOUND/,
    );
  });

  it('parameters and secrets without a value, all of them by name', async () => {
    await assert.rejects(
      startAndClose({ bundle: bundlePath.replace('bundle.ts', 'incompleteBundle.ts') }),
      /^Error: Without a value and without a default: NEEDED, NEEDED_SECRET, SECRET_BY_NAME\./,
    );
  });

  it('a trigger that it cannot run, unless it is left out', async () => {
    const bundle = bundlePath.replace('bundle.ts', 'foreignBundle.ts');
    await assert.rejects(startAndClose({ bundle }), /no trigger for onFile \(event google\.cloud\.storage/);
    const fixture = await startFixture({ bundle, only: ['onEvent'] });
    assert.deepEqual(
      fixture.runtime.functions().map(({ name }) => name),
      ['onEvent'],
    );
    await fixture.close();
  });

  it('a function that is not there', async () => {
    await assert.rejects(startAndClose({ only: ['absent'] }), /no function absent; it has nightly, onBoard, onEvent/);
  });

  it('a Pub/Sub server that is not there', async () => {
    await assert.rejects(startAndClose({ pubsubHost: '127.0.0.1:1', only: ['onEvent'] }), /127\.0\.0\.1:1 failed/);
  });

  it('a port that is taken', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const address = holder.address();
    assert.ok(address && typeof address === 'object');
    try {
      await assert.rejects(startAndClose({ only: ['onEvent'], port: address.port }), { code: 'EADDRINUSE' });
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
  });

  it('reports a function that never becomes ready', async () => {
    const fixture = await startFixture({
      only: ['onEvent'],
      bundle: bundlePath.replace('bundle.ts', 'failingBundle.ts'),
    });
    try {
      await assert.rejects(fixture.runtime.waitUntilReady(), /onEvent does not start[\s\S]*only at deployment/);
    } finally {
      await fixture.close();
    }
  });
});
