// How a decision is confirmed at a terminal: attacks "a mass decision by a slip of the finger".
import assert from 'node:assert/strict';
import { UsageError } from '../../src/cli/command.ts';
import { type Decision, type DecisionTerminal, decide } from '../../src/cli/decisions/decision.ts';
import { recordDeadLetter } from '../../src/deadLetters/record.ts';
import { encodeEvent } from '../../src/events/codec.ts';
import { dropDeadLetters } from '../../src/operations/deadLetters.ts';
import { auditOf, type OperationsFixture, startOperationsFixture } from '../operations/operations.fixture.ts';
import { event } from '../sync/worker.fixture.ts';

describe('a decision at a terminal', () => {
  let fixture: OperationsFixture;
  let asked: string[];
  beforeEach(async () => {
    fixture = await startOperationsFixture();
    asked = [];
    for (let index = 0; index < 11; index += 1) {
      const { data } = encodeEvent(event('ProjectDeleted', `p${index}`));
      await recordDeadLetter(fixture.services, { data, attributes: { reason: 'attempts' } });
    }
  });
  afterEach(() => fixture.close());

  /** A person who gives these answers, one after the other. */
  function person(...answers: readonly string[]): DecisionTerminal {
    const left = [...answers];
    const askText = async (question: string) => {
      asked.push(question);
      return left.shift() ?? '';
    };
    return {
      askText,
      ask: async (question) => (await askText(question)) === 'y',
      note: () => undefined,
      inTime: (answer) => answer,
    };
  }
  const nobody: DecisionTerminal = { ...person(), ask: undefined, askText: undefined };

  async function drop(terminal: DecisionTerminal, change: Partial<Decision> = {}) {
    const decision: Decision = {
      operation: dropDeadLetters,
      input: { all: true },
      question: (count) => `Drop ${count}?`,
      reason: 'old',
      as: 'olga',
      yes: false,
      ...change,
    };
    return decide(fixture.services, decision, terminal, () => undefined);
  }
  const entries = async () => (await auditOf(fixture.firestore)).length;

  it('of more than ten takes their number, and neither yes nor another number', async () => {
    for (const answer of ['y', 'yes', '10', '']) assert.equal(await drop(person(answer)), 'declined');
    assert.equal(await entries(), 0);
    const outcome = await drop(person('11'));
    assert.equal(outcome !== 'declined' && outcome.count, 11);
    assert.match(asked.at(-1) ?? '', /^Drop 11\? Type the number \(11\) to go on:$/);
    assert.equal(await entries(), 11);
  });

  it('of a few takes a yes; without a reason, it is asked for', async () => {
    const few = { input: { projectId: 'p3' }, reason: undefined };
    assert.equal(await drop(person('why not', 'n'), few), 'declined');
    const outcome = await drop(person('it was a test', 'y'), few);
    assert.equal(outcome !== 'declined' && outcome.count, 1);
    assert.deepEqual(
      (await auditOf(fixture.firestore)).map(({ reason, actor }) => [reason, actor]),
      [['it was a test', 'olga']],
    );
  });

  it('that nobody can confirm needs --yes and --reason; an empty reason is none', async () => {
    await assert.rejects(drop(nobody), (error) => error instanceof UsageError && /expected --yes/.test(error.message));
    await assert.rejects(drop(nobody, { reason: undefined, yes: true }), /expected --reason TEXT/);
    await assert.rejects(drop(nobody, { reason: ' ', yes: true }), /reason: say why/);
    assert.equal(await entries(), 0);
    const outcome = await drop(nobody, { yes: true });
    assert.equal(outcome !== 'declined' && outcome.count, 11);
  });
});
