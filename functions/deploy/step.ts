/** One call of a program. */
export interface Command {
  /** Program and arguments; `${NAME}` in an argument stands for the value of a lookup, such as the project's number. */
  readonly argv: readonly [string, ...string[]];
  /** What the program reads from its standard input. */
  readonly stdin?: string;
}

/** One step of a deployment's provisioning. Each may be repeated as often as one likes: it changes nothing that is
 *  right already. */
export type Step = {
  /** What is done, as a heading. */
  readonly title: string;
  /** Why the deployment needs it. */
  readonly why: string;
} & (
  | {
      /** A command that is harmless to repeat. */
      readonly kind: 'run';
      readonly command: Command;
      /** Whether it may fail for some seconds after an earlier step, until every server knows what that step made. */
      readonly settles?: boolean;
    }
  | {
      /** Something that has to be there: made when the check does not find it, brought up to date when it does. */
      readonly kind: 'ensure';
      /** Prints something if it is there; prints nothing, or says that it does not find it, if not. */
      readonly check: Command;
      readonly create: Command;
      readonly update?: Command;
    }
  | {
      /** Asks for a value that later steps need. */
      readonly kind: 'lookup';
      readonly variable: string;
      readonly command: Command;
      /** Without it, the steps that need the value wait: what has to happen first. Undefined: the value must be there.
       */
      readonly waitsFor?: string;
    }
);

const placeholder = /\$\{([A-Z][A-Z0-9_]*)\}/g;

/** How an argument refers to the value of a lookup. */
export function valueOfVariable(name: string): string {
  return `\${${name}}`;
}

/** The variables that a text refers to. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(placeholder)].map(([, name]) => name ?? '');
}

/** The variables that have to be known before a step can run. */
export function variablesOf(step: Step): string[] {
  const commands =
    step.kind === 'ensure' ? [step.check, step.create, ...(step.update ? [step.update] : [])] : [step.command];
  return [...new Set(commands.flatMap(({ argv }) => argv.flatMap(variablesIn)))];
}

/** A text with the values of its variables.
 *  @throws Error for a variable without a value. */
export function fillIn(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(placeholder, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`the plan uses ${name} before it looks it up`);
    return value;
  });
}

/** Whether a command failed because the thing that it names is not there, by what it said. A refusal ("denied … or it
 *  may not exist") is none of these: it must not be taken for something to create, or to wait for. */
export const saysNotFound = /not[ _]found|does not exist|unknown service account/i;
