import type { Operation, OperationServices } from '../../operations/operation.ts';
import { errorCodes } from '../command.ts';
import { errorSentence, inTime } from '../services.ts';
import type { Terminal } from '../terminal.ts';
import { type DecisionOptions, decide } from './decision.ts';

/** How a command ends that does one operation. */
export const decisionCodes = { ...errorCodes, done: 0, nothingToDo: 3, declined: 4 } as const;

/** Does one operation, prints what came of it, and returns the exit code. */
export async function decideAndSay(
  services: OperationServices,
  decision: DecisionOptions & {
    readonly operation: Operation;
    readonly input: unknown;
    readonly question: (count: number) => string;
  },
  terminal: Terminal,
): Promise<number> {
  let failed = 0;
  const outcome = await decide(
    services,
    decision,
    { ...terminal, inTime: (answer) => inTime(terminal, answer) },
    ({ target, kind, text, error }) => {
      if (kind === 'failed') failed += 1;
      terminal.print(`${target}: ${error === undefined ? text : errorSentence(error, process.env)}`);
    },
  );
  if (outcome === 'declined') return decisionCodes.declined;
  terminal.print(`${outcome.result}${outcome.sequence === null ? '' : ` (audit entry ${outcome.sequence})`}`);
  if (failed > 0) return decisionCodes.failed;
  return outcome.count === 0 ? decisionCodes.nothingToDo : decisionCodes.done;
}
