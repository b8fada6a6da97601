import type { Item, Operation, OperationServices, Outcome } from '../../operations/operation.ts';
import { previewOperation, type Refusal, runOperation, unconfirmedAtMost } from '../../operations/runOperation.ts';
import { UsageError } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { terminalActor } from './account.ts';

/** What every command takes that decides something. */
export interface DecisionOptions {
  /** Why; kept in the audit. */
  readonly reason: string | undefined;
  /** Who decides, where the account of gcloud does not say it. */
  readonly as: string | undefined;
  /** Do not ask. */
  readonly yes: boolean;
}

/** The options of a decision, for `option()` of commander. */
export const decisionOptions = {
  reason: ['--reason <text>', 'why; kept in the audit (asked for on a terminal)'],
  as: ['--as <account>', 'who decides (default: the account of gcloud)'],
  yes: ['-y, --yes', 'do not ask'],
} as const;

export interface Decision extends DecisionOptions {
  readonly operation: Operation;
  readonly input: unknown;
  /** What a person is asked, by how many are touched. */
  readonly question: (count: number) => string;
}

/** What a decision needs of the terminal. */
export interface DecisionTerminal extends Pick<Terminal, 'ask' | 'askText' | 'note'> {
  /** Waits for a service no longer than a person would. */
  readonly inTime: <T>(answer: Promise<T>) => Promise<T>;
}

/** Previews an operation, asks, and does it, with its trace. A person types the number when many are touched.
 *  @throws UsageError when the call is wrong or nobody is there to confirm; Error when it is refused, and what the
 *  services answered. */
export async function decide(
  services: OperationServices,
  { operation, input, question, ...options }: Decision,
  terminal: DecisionTerminal,
  onItem: (item: Item) => void | Promise<void>,
): Promise<Outcome | 'declined'> {
  const actor = await terminalActor(options.as, process.env);
  const reason = options.reason ?? (await terminal.askText?.('Why? (kept in the audit)'));
  if (reason === undefined) throw new UsageError('expected --reason TEXT: it is kept in the audit');
  const previewed = await terminal.inTime(previewOperation(services, operation, { actor, input }));
  if (previewed.kind !== 'preview') throw refusalError(previewed);
  const { count, what, details } = previewed.preview;
  if (count > 0) {
    terminal.note(`${count} ${what}`);
    for (const { name, value } of details) terminal.note(`  ${name}: ${value}`);
    if (!options.yes && !(await isConfirmed(question(count), count, terminal))) return 'declined';
  }
  const result = await stepsInTime(terminal.inTime, (onStep) =>
    runOperation(services, operation, {
      actor,
      reason,
      input,
      confirm: count,
      // A person watches, and may stop it at any time.
      deadline: Number.POSITIVE_INFINITY,
      async onItem(item) {
        onStep();
        await onItem(item);
      },
    }),
  );
  if (result.kind !== 'done') throw refusalError(result);
  return result.outcome;
}

async function isConfirmed(question: string, count: number, { ask, askText }: DecisionTerminal): Promise<boolean> {
  if (ask === undefined || askText === undefined) {
    throw new UsageError(`expected --yes: this touches ${count}, and nobody is there to ask`);
  }
  if (count <= unconfirmedAtMost) return ask(question);
  return (await askText(`${question} Type the number (${count}) to go on:`)).trim() === String(count);
}

/** Waits for work in steps, each of which is waited for as long as for an answer. */
async function stepsInTime<T>(
  inTime: DecisionTerminal['inTime'],
  begin: (onStep: () => void) => Promise<T>,
): Promise<T> {
  let onStep = () => {};
  let isOver = false;
  const all = begin(() => onStep()).finally(() => {
    isOver = true;
  });
  // Each round looks at it as well; without this, one that fails between two rounds would end the process.
  all.catch(() => undefined);
  while (!isOver) {
    const step = new Promise<void>((resolve) => {
      onStep = resolve;
    });
    await inTime(Promise.race([all, step]));
  }
  return all;
}

function refusalError(refusal: Refusal): Error {
  switch (refusal.kind) {
    case 'invalid':
      return new UsageError(refusal.errors.map(({ field, problem }) => `${field}: ${problem}`).join('; '));
    case 'unconfirmed':
      return new Error(`meanwhile ${refusal.detail}; nothing was done, give the command again`);
    case 'forbidden':
    case 'refused':
      return new Error(refusal.detail);
  }
}
