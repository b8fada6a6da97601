// An alert is one record however often its alarm is raised or its message delivered, until somebody closes it.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type RaisedMessage, raisedMessage } from '../../src/alerts/alertMessage.ts';
import { type AlertRecord, alertData, parseAlert } from '../../src/alerts/alertRecord.ts';
import { acknowledged, closed, ended, raised } from '../../src/alerts/transitions.ts';

const occurrence = fc
  .record({
    id: fc.integer({ min: 0, max: 9 }),
    at: fc.integer({ min: 1, max: 1_000_000 }),
    count: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ id, at, count }) => raisedMessage('brake', `seen at ${at}`, { brake: 'x' }, { id: `m${id}`, at, count }));

const fold = (messages: readonly RaisedMessage[], from?: AlertRecord) =>
  messages.reduce<AlertRecord | undefined>((record, message) => raised(record, message, 'hint'), from);

const endAt = (at: number) => ({ kind: 'ended', key: 'brake:x', at }) as const;

describe('an alert', () => {
  const [first, second] = [1, 2].map((at) =>
    raisedMessage('hold', 'a deletion is held', { projectId: 'p' }, { id: `m${at}`, at, count: 1 }),
  );
  assert.ok(first && second);

  it('counts every message once, in any order and however often it is delivered', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(occurrence, { selector: ({ id }) => id, minLength: 1 }),
        fc.nat(),
        (messages, turn) => {
          const once = fold(messages);
          const again = fold([...messages, ...messages]);
          assert.deepEqual(again, once);
          const at = turn % messages.length;
          const turned = fold([...messages.slice(at), ...messages.slice(0, at)]);
          const sum = messages.reduce((total, { count }) => total + count, 0);
          for (const record of [once, turned]) {
            assert.ok(record);
            assert.equal(record.count, sum);
            assert.equal(record.firstAt, Math.min(...messages.map(({ at: time }) => time)));
            assert.equal(record.lastAt, Math.max(...messages.map(({ at: time }) => time)));
            assert.equal(record.opening, 1);
          }
        },
      ),
    );
  });

  it('stays acknowledged when it is raised again, and is opened anew once it was closed', () => {
    const open = raised(undefined, first, 'hint');
    const taken = acknowledged(open, 'eva', 10);
    assert.deepEqual([taken.state, taken.acknowledgedBy], ['acknowledged', 'eva']);
    assert.equal(acknowledged(taken, 'tom', 11), taken);
    assert.equal(raised(taken, second, 'hint').state, 'acknowledged');
    const over = closed(taken, 'eva', 12);
    assert.equal(closed(over, 'tom', 13), over);
    assert.ok(over.expireAt !== null);
    const anew = raised(over, second, 'hint');
    assert.deepEqual(
      [anew.state, anew.opening, anew.count, anew.acknowledgedBy, anew.expireAt],
      ['open', 2, 1, null, null],
    );
    assert.equal(raised(over, first, 'hint'), over, 'a redelivery opens nothing');
  });

  it('that a person has closed is opened by no redelivery, however many messages were counted since', () => {
    const many = Array.from({ length: 500 }, (_, index) =>
      raisedMessage('hold', 'a deletion is held', {}, { id: `n${index}`, at: index + 1, count: 1 }),
    );
    // A target is down: every message is redelivered, more than once.
    const open = fold([...many, ...many]);
    assert.equal(open?.count, 500);
    const over = closed(open, 'eva', 1_000);
    assert.equal(fold(many, over), over);
    const next = raisedMessage('hold', 'a deletion is held', {}, { id: 'next', at: 900, count: 1 });
    assert.equal(raised(over, next, 'hint').state, 'open', 'eva has not seen it');
  });

  it('is read as versions wrote it that kept no times of messages', () => {
    const before = { ...alertData(raised(undefined, first, 'hint')), counted: [first.id] };
    const known = parseAlert('syncAlerts/hold', before);
    assert.equal(raised(known, first, 'hint'), known);
    assert.equal(raised(known, second, 'hint').count, 2);
  });

  it('ends with its cause, unless it was raised after that', () => {
    const open = raised(undefined, second, 'hint');
    assert.equal(ended(open, endAt(1)).state, 'open');
    assert.deepEqual([ended(open, endAt(2)).state, ended(open, endAt(2)).closedBy], ['closed', 'lockstep']);
  });

  it('is open or not, whatever comes first of its alarm and its end', () => {
    fc.assert(
      fc.property(occurrence, fc.integer({ min: 2, max: 1_000_000 }), (message, end) => {
        const open = raised(undefined, first, 'hint');
        const knowns = [undefined, open, closed(open, 'eva', 1), ended(open, endAt(1)), closed(open, 'eva', end)];
        for (const known of knowns) {
          const inOrder = ended(raised(known, message, 'hint'), endAt(end));
          const overtaken = raised(ended(known, endAt(end)), message, 'hint');
          assert.equal(overtaken.state, inOrder.state, JSON.stringify(known));
        }
      }),
    );
    const decided = ended(closed(raised(undefined, first, 'hint'), 'eva', 12), endAt(13));
    assert.deepEqual([decided.closedBy, decided.closedAt, decided.endedAt], ['eva', 12, 13]);
    const byHand = closed(raised(undefined, first, 'hint'), 'eva', 12);
    assert.equal(raised(byHand, second, 'hint').state, 'open', 'eva has not seen it');
  });

  it('is kept and read as it is', () => {
    const record = acknowledged(raised(undefined, first, 'hint'), 'eva', 5);
    const sent = {
      ...record,
      sent: [{ change: 'opened' as const, target: 'team', at: 3 }],
      sending: { by: 'x', until: 9 },
    };
    assert.deepEqual(parseAlert('syncAlerts/hold', alertData(sent)), sent);
    assert.throws(() => parseAlert('syncAlerts/hold', { state: 'open' }), /syncAlerts\/hold cannot be read/);
  });
});
