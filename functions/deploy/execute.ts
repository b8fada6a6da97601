import { type Clock, sleep } from '../src/clock.ts';
import { printable } from '../src/printable.ts';
import { type Command, fillIn, type Step, saysNotFound, variablesOf } from './step.ts';

/** How a command ended. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command to its end. Rejects when the program cannot be started. */
export type RunCommand = (command: Command) => Promise<CommandResult>;

export interface Execution {
  readonly run: RunCommand;
  readonly clock: Clock;
  /** Says what is done, a line at a time. */
  readonly say: (line: string) => void;
}

/** What came of a plan. `waiting` are the titles of steps that need something that is not there yet. */
export interface Executed {
  readonly done: number;
  readonly waiting: readonly string[];
}

/** A command failed; the message says which, what it was for, what it said, and what to do. */
export class ProvisionError extends Error {
  constructor(step: Step, command: Command, result: CommandResult) {
    const said = result.stderr.trim() || `exit code ${result.exitCode}`;
    super(
      [
        printable(`"${step.title}" failed: ${command.argv.join(' ')}`),
        ...said.split(/\r?\n/).map(printable),
        'Repair what it names and run this again: every step may be repeated.',
      ].join('\n'),
    );
    this.name = 'ProvisionError';
  }
}

/** How often, and how far apart in ms, a step is tried that may have to wait for an earlier one to be known
 *  everywhere. Google speaks of "up to 60 seconds" for a new service account
 *  (https://cloud.google.com/iam/docs/service-accounts-create). */
const settling = { tries: 7, pauseMs: 10_000 } as const;

/** Carries out a plan, step by step; stops at the first that fails.
 *  @throws ProvisionError */
export async function execute(steps: readonly Step[], execution: Execution): Promise<Executed> {
  const values = new Map<string, string>();
  const missing = new Set<string>();
  const waiting: string[] = [];
  let done = 0;
  for (const step of steps) {
    if (variablesOf(step).some((variable) => missing.has(variable))) {
      waiting.push(step.title);
      if (step.kind === 'lookup') missing.add(step.variable);
      continue;
    }
    const outcome = await carryOut(step, values, execution);
    execution.say(printable(`${outcome.padEnd(9)} ${step.title}`));
    if (outcome === 'waiting' && step.kind === 'lookup') {
      missing.add(step.variable);
      waiting.push(step.title);
    } else {
      done += 1;
    }
  }
  return { done, waiting };
}

type Outcome = 'done' | 'created' | 'up to date' | 'found' | 'waiting';

async function carryOut(step: Step, values: Map<string, string>, execution: Execution): Promise<Outcome> {
  const filled = (command: Command): Command => {
    const [program, ...args] = command.argv;
    return { ...command, argv: [program, ...args.map((arg) => fillIn(arg, values))] };
  };
  const must = async (command: Command): Promise<string> => {
    const result = await execution.run(command);
    if (result.exitCode !== 0) throw new ProvisionError(step, command, result);
    return result.stdout.trim();
  };
  switch (step.kind) {
    case 'run': {
      const command = filled(step.command);
      for (let tries = 1; step.settles && tries < settling.tries; tries += 1) {
        if ((await execution.run(command)).exitCode === 0) return 'done';
        await sleep(execution.clock, settling.pauseMs);
      }
      await must(command);
      return 'done';
    }
    case 'lookup': {
      const command = filled(step.command);
      const result = await execution.run(command);
      const value = result.stdout.trim();
      if (result.exitCode === 0 && value !== '') {
        values.set(step.variable, value);
        return 'found';
      }
      const isAbsent = result.exitCode === 0 || saysNotFound.test(result.stderr);
      if (step.waitsFor !== undefined && isAbsent) return 'waiting';
      throw new ProvisionError(step, command, result);
    }
    case 'ensure': {
      const checked = await execution.run(filled(step.check));
      if (checked.exitCode !== 0 && !saysNotFound.test(checked.stderr))
        throw new ProvisionError(step, step.check, checked);
      const exists = checked.exitCode === 0 && checked.stdout.trim() !== '';
      if (!exists) {
        await must(filled(step.create));
        return 'created';
      }
      if (step.update) await must(filled(step.update));
      return 'up to date';
    }
  }
}
