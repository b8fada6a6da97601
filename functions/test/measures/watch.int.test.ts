// Every minute, from records to measures, targets and alerts: what it says, and what it costs.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type Firestore, Timestamp } from 'firebase-admin/firestore';
import { writeAll } from '../../local/demo/writeAll.ts';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { type AlertMessage, raisedMessage } from '../../src/alerts/alertMessage.ts';
import { alertData, alertRef } from '../../src/alerts/alertRecord.ts';
import { raised } from '../../src/alerts/transitions.ts';
import { hourMs, minuteMs, secondMs } from '../../src/clock.ts';
import { emptyMeasure, type Measure } from '../../src/measures/measure.ts';
import { measureRef, parseMinute, partsData, startOf } from '../../src/measures/measureRecord.ts';
import { readSeries } from '../../src/measures/series.ts';
import { createWatch } from '../../src/measures/watch.ts';
import { jobData } from '../../src/reconcile/jobData.ts';
import { parseState, stateDocument } from '../../src/reconcile/jobRecord.ts';
import { createJobStore } from '../../src/reconcile/jobStore.ts';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import { newJob } from '../../src/reconcile/newJob.ts';
import { connectFirestore } from '../relay/fixtures/doubles.ts';
import { type SteppedClock, steppedClock } from '../support/clock.ts';
import { type RecordedLog, recordedLog } from '../support/log.ts';

const start = Date.UTC(2026, 10, 27, 12, 34);
const targets = { shownMs: 120_000, relayLagMs: 300_000, recoveryMs: 900_000, progressMs: 900_000 };

/** A query that no deployed index serves is refused, as production does. */
const indexes = new URL('../../../firestore.indexes.json', import.meta.url).pathname;

describe('the watch of every minute', () => {
  let server: FirestoreServer;
  let firestore: Firestore;
  let clock: SteppedClock;
  let log: RecordedLog;
  let messages: (AlertMessage['kind'] | string)[];

  before(async () => {
    server = await startFirestoreServer({ indexes });
  });
  beforeEach(() => {
    firestore = connectFirestore(server, `demo-${randomUUID()}`);
    clock = steppedClock(start + minuteMs + 5 * secondMs);
    log = recordedLog();
    messages = [];
  });
  afterEach(() => firestore.terminate());
  after(() => server.close());

  const newWatch = () =>
    createWatch({
      firestore,
      clock,
      config: { targets },
      log,
      alerts: { end: (key) => messages.push(`end ${key}`), look: (key) => messages.push(`look ${key}`) },
    });
  const relay = { lagMs: 100, inFlight: 0 };
  const signal = new AbortController().signal;
  const minuteAt = async (at = start): Promise<Measure | null> => {
    const ref = measureRef(firestore, 'minute', at);
    return parseMinute(ref.path, (await ref.get()).data());
  };

  function entry(id: number, fields: Record<string, unknown>): [string, Record<string, unknown>] {
    const settledAt = Timestamp.fromMillis(start + (id % 60) * secondMs);
    return [
      `syncEvents/e${id}`,
      { type: 'ProjectUpdated', outcome: 'applied', lagMs: 500, assets: 2, settledAt, ...fields },
    ];
  }

  async function usageOf(work: () => Promise<void>) {
    const before = server.meter.snapshot();
    await work();
    const { reads, writes } = server.meter.diff(before);
    return { reads, writes };
  }

  it('costs at most 12 reads and 3 writes where nothing happens, and raises nothing', async () => {
    const watch = newWatch();
    await watch({ start, relay, seenBefore: start }, signal);
    clock.advance(minuteMs);
    const { reads, writes } = await usageOf(() => watch({ start: start + minuteMs, relay, seenBefore: start }, signal));

    assert.ok(reads <= 12, `${reads} reads`);
    assert.equal(writes, 3);
    assert.deepEqual([log.alarms(), messages], [[], []]);
    assert.equal((await minuteAt())?.assets, 0);
  });

  it('says what the records say of a minute, for one read more for each event', async () => {
    await writeAll(firestore, [
      entry(1, {}),
      entry(2, { type: 'ProjectDeleted', assets: 5, lagMs: 90_000 }),
      entry(3, { type: 'ProjectCreated', outcome: 'superseded', lagMs: null, assets: null }),
      entry(4, { settledAt: Timestamp.fromMillis(start - 1) }),
      entry(5, { settledAt: Timestamp.fromMillis(start + minuteMs) }),
      entry(6, { settledAt: null }),
      ['syncJobs/running', { type: 'delete', status: 'continued', processed: 7 }],
      ['syncJobs/failing', { type: 'update', status: 'failed', startedAt: Timestamp.fromMillis(start) }],
      ['syncJobs/gone', { type: 'update', status: 'failed', startedAt: Timestamp.fromMillis(start - hourMs) }],
      ['syncJobs/held', { type: 'delete', status: 'held' }],
      ['syncFailures/dead', { status: 'dead' }],
      ['syncFailures/redriven', { status: 'redriven' }],
    ]);
    const watch = newWatch();
    const { reads } = await usageOf(() =>
      watch({ start, relay: { lagMs: 200, inFlight: 3 }, seenBefore: start }, signal),
    );
    // The first look of a process also asks which alerts it may end.
    assert.ok(reads <= 12 + 5 + 3, `${reads} reads`);
    const measure = await minuteAt();
    assert.ok(measure);
    const { shown: _shown, reads: _reads, writes: _writes, ...unchanged } = emptyMeasure;
    assert.deepEqual(measure, {
      ...measure,
      ...unchanged,
      events: { created: 1, updated: 1, deleted: 1 },
      assets: 7,
      relayLagMs: 200,
      backlog: 5,
      holds: 1,
      deadLetters: 1,
      deletes: 5,
    });
    assert.equal(measure.shown.maxMs, 90_000);
  });

  it('counts a minute once, whoever measures it again, and keeps the worst that was seen in it', async () => {
    await writeAll(firestore, [entry(1, {})]);
    await newWatch()({ start, relay: { lagMs: 900, inFlight: 2 }, seenBefore: start }, signal);
    const first = await minuteAt();
    await newWatch()({ start, relay, seenBefore: start }, signal);
    assert.deepEqual(await minuteAt(), first);
    const view = await readSeries(firestore, 'hour', clock.now());
    assert.deepEqual(
      view.events.filter((count) => count !== null),
      [1],
    );
    const month = await readSeries(firestore, 'month', clock.now());
    assert.deepEqual(
      month.events.filter((count) => count !== null),
      [1],
    );
  });

  it('reads at most 500 events of a flood, and one count says of how many they are', async () => {
    await writeAll(
      firestore,
      Array.from({ length: 1_500 }, (_, id) => entry(id, { type: id % 3 === 0 ? 'ProjectDeleted' : 'ProjectUpdated' })),
    );
    const { reads } = await usageOf(() => newWatch()({ start, relay, seenBefore: start }, signal));
    assert.ok(reads <= 12 + 5 + 500 + 2 + 8, `${reads} reads`);
    const measure = await minuteAt();
    assert.equal((measure?.events.deleted ?? 0) + (measure?.events.updated ?? 0), 1_500);
    assert.equal(measure?.assets, 3_000);
  });

  it('raises a missed target every minute, and ends its alert when it is met again', async () => {
    const watch = newWatch();
    await watch({ start, relay: { lagMs: 400_000, inFlight: 0 }, seenBefore: start }, signal);
    const [line] = log.lines;
    assert.deepEqual(
      [line?.fields.alarm, line?.fields.target, line?.fields.goal, line?.fields.measured],
      ['target-missed', 'relay-lag', 300_000, 400_000],
    );
    await watch({ start: start + minuteMs, relay, seenBefore: start }, signal);
    assert.deepEqual([log.alarms(), messages], [['target-missed'], ['end target-missed:relay-lag']]);
  });

  it('ends what an earlier process has raised', async () => {
    const message = raisedMessage(
      'target-missed',
      'missed',
      { target: 'relay-lag' },
      { id: 'a1', count: 1, at: start },
    );
    await alertRef(firestore, message.key).set(alertData(raised(undefined, message, 'hint')));
    await newWatch()({ start, relay, seenBefore: start }, signal);
    assert.deepEqual(messages, ['end target-missed:relay-lag']);
  });

  it('says how long nobody was there, when a relay comes back too late', async () => {
    const watch = newWatch();
    await watch({ start, relay, seenBefore: start - 20 * minuteMs }, signal);
    const [line] = log.lines;
    assert.deepEqual([line?.fields.target, line?.fields.measured], ['recovery', 20 * minuteMs]);
    const view = await readSeries(firestore, 'hour', clock.now());
    assert.equal(view.events.filter((count) => count === null).length, 59, 'a gap is no zero');
  });

  it('raises no progress where work waits and none is done, and not while some is', async () => {
    await writeAll(firestore, [['syncJobs/stuck', { type: 'update', status: 'running', processed: 0 }]]);
    const watch = newWatch();
    for (let minute = 0; minute < 16; minute += 1) {
      await watch({ start: start + minute * minuteMs, relay, seenBefore: start }, signal);
    }
    assert.deepEqual(log.alarms(), ['no-progress']);
    await firestore.doc('syncJobs/stuck').update({ processed: 1 });
    await watch({ start: start + 16 * minuteMs, relay, seenBefore: start }, signal);
    assert.deepEqual([log.alarms().length, messages], [1, ['end no-progress:sync']]);
  });

  it('raises the drift that a reconciliation found, and ends it with one that finds nothing', async () => {
    async function reconciled(id: string, at: number, stale: number, isOfOneProject = false): Promise<void> {
      const job = newJob(
        {
          clock: { ...clock, now: () => at },
          uniqueId: () => id,
          limits: { ...defaultReconcileLimits, jobRetentionMs: hourMs },
        },
        { mode: 'report', reason: 'test' },
        'key',
        { database: 'd', collection: 'c', uuid: null, projects: 1 },
        ['media'],
      );
      const findings = { ...job.findings, 'stale-copy': stale };
      const collections = job.collections.map((tally) => ({ ...tally, assets: isOfOneProject ? null : 7 }));
      const counted = { findings, collections, recordsTotal: 1, recordReads: 11 };
      const finished = { ...job, ...counted, status: 'done' as const, finishedAt: at };
      const jobs = firestore.collection('syncJobs');
      await jobs.doc(job.id).set(jobData(finished));
      await jobs.doc(stateDocument).set({ ...parseState(undefined), lastFinished: job.id });
    }
    await reconciled('r1', start + secondMs, 4);
    const watch = newWatch();
    await assert.rejects(watch({ start, relay, seenBefore: start }, AbortSignal.abort()));
    await watch({ start, relay, seenBefore: start }, signal);
    await watch({ start: start + minuteMs, relay, seenBefore: start }, signal);
    assert.deepEqual(
      log.lines.map(({ fields }) => [fields.alarm, fields.findings, fields.mode]),
      [['drift-found', 4, 'report']],
    );
    assert.deepEqual([(await minuteAt())?.findings, (await minuteAt(start + minuteMs))?.findings], [4, null]);
    await reconciled('r2', start + 2 * minuteMs, 0, true);
    await watch({ start: start + 2 * minuteMs, relay, seenBefore: start }, signal);
    assert.deepEqual(messages, [], 'one project says nothing of the others');
    await reconciled('r3', start + 3 * minuteMs, 0);
    await watch({ start: start + 3 * minuteMs, relay, seenBefore: start }, signal);
    assert.deepEqual(messages, ['end drift-found']);
  });

  it('takes in every reconciliation of a minute, and one only once', async () => {
    const store = (id: string) => createJobStore({ ...storeOptions, firestore, clock, holder: id });
    const storeOptions = { leaseMs: minuteMs, resumeMs: hourMs, retentionMs: hourMs };
    for (const [id, stale] of [['before', 7] as const, ['all', 4] as const, ['again', 0] as const]) {
      const options = { clock, uniqueId: () => id, limits: defaultReconcileLimits };
      const sight = { database: 'd', collection: 'c', uuid: null, projects: 1 };
      const job = newJob(options, { mode: 'report', reason: 'test' }, id, sight, []);
      job.findings['stale-copy'] = stale;
      job.recordReads = 11;
      const finishedAt = id === 'before' ? start - hourMs : start + secondMs;
      await store(id).take(id);
      await store(id).finish({ ...job, recordsTotal: 1, status: 'done', finishedAt });
    }
    const watch = newWatch();
    await watch({ start, relay, seenBefore: start }, signal);
    assert.deepEqual(
      log.lines.map(({ fields }) => [fields.alarm, fields.findings]),
      [['drift-found', 4]],
    );
    assert.deepEqual(messages, ['end drift-found']);
    const { findings, reads } = (await minuteAt()) ?? emptyMeasure;
    assert.deepEqual([findings, reads], [4, 12 + 22]);
    await watch({ start: start + minuteMs, relay, seenBefore: start }, signal);
    assert.equal((await minuteAt(start + minuteMs))?.findings, null);
    assert.equal(log.lines.length, 1);
  });

  it('raises deletions far above the median of the hours before, once for an hour', async () => {
    const quiet = { ...emptyMeasure, events: { created: 0, updated: 0, deleted: 2 } };
    for (const day of [1, 2]) {
      const dayStart = startOf('day', start - day * 24 * hourMs);
      const hours = new Map(Array.from({ length: 24 }, (_, hour) => [dayStart + hour * hourMs, quiet]));
      await measureRef(firestore, 'day', dayStart).set(partsData('day', dayStart, hours));
    }
    await writeAll(
      firestore,
      Array.from({ length: 60 }, (_, id) => entry(id, { type: 'ProjectDeleted', assets: 1 })),
    );
    const watch = newWatch();
    await watch({ start, relay, seenBefore: start }, signal);
    await watch({ start: start + minuteMs, relay, seenBefore: start }, signal);
    assert.deepEqual(
      log.lines.map(({ fields }) => [fields.alarm, fields.deletions, fields.limit, fields.median]),
      [['deletions-unusual', 60, 50, 2]],
    );
  });

  it('asks for alerts whose time has come, also when nothing can be measured', async () => {
    const message = raisedMessage('hold', 'held', {}, { id: 'a1', count: 1, at: start });
    const record = { ...raised(undefined, message, 'hint'), lookAt: clock.now() };
    await alertRef(firestore, message.key).set(alertData(record));
    await alertRef(firestore, 'later').set(alertData({ ...record, key: 'later', lookAt: clock.now() + 1 }));
    await measureRef(firestore, 'hour', start).set({ parts: 'damaged' });
    await assert.rejects(newWatch()({ start, relay, seenBefore: start }, signal), /syncMeasures.*cannot be read/);
    assert.deepEqual(messages, ['look hold']);
  });
});
