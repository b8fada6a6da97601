import { printable } from '../src/printable.ts';
import { type Command, type Step, saysNotFound, variablesIn, variablesOf } from './step.ts';

/** An argument as bash has to read it: bare where nothing in it is special, in double quotes where a variable stands
 *  in it. */
export function quote(argument: string): string {
  if (variablesIn(argument).length > 0) {
    // Everything that double quotes leave a meaning, except the variables themselves.
    return `"${argument.replaceAll(/[\\"`]|\$(?!\{[A-Z][A-Z0-9_]*\})/g, '\\$&')}"`;
  }
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(argument)) return argument;
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}

/** The end of what a command reads; no line of the JSON that we pass can be this. */
const endOfInput = 'END_OF_INPUT';

function render({ argv, stdin }: Command): string {
  if (stdin?.split('\n').includes(endOfInput))
    throw new Error(`the input of ${argv.join(' ')} has a line that would end it`);
  const line = argv.map(quote).join(' ');
  return stdin === undefined ? line : `${line} <<'${endOfInput}'\n${stdin}\n${endOfInput}`;
}

function renderStep(step: Step): string {
  switch (step.kind) {
    case 'run':
      return `${step.settles ? 'settled ' : ''}${render(step.command)}`;
    case 'lookup':
      return `${step.variable}="$(${step.waitsFor === undefined ? '' : 'ask '}${render(step.command)})"`;
    case 'ensure': {
      return `if exists ${render(step.check)}; then\n${indented(step.update ? render(step.update) : ':')}\nelse\n${indented(render(step.create))}\nfi`;
    }
  }
}

/** Indents a command for reading; what follows its first line may be input, where blanks count. */
function indented(command: string): string {
  return `  ${command}`;
}

/** A bash script that does what the plan says, with its reasons as comments. It may be run as often as one likes.
 *  @throws Error when a value of the deployment would be more than a value in it: a line break, for example, ends a
 *  comment. */
export function renderScript(steps: readonly Step[]): string {
  refuseWhatIsNoValue(steps);
  const waiting = new Map(
    steps.flatMap((step) => (step.kind === 'lookup' && step.waitsFor ? [[step.variable, step.waitsFor] as const] : [])),
  );
  const blocks = steps.map((step) => {
    const needs = variablesOf(step).find((variable) => waiting.has(variable));
    const body = renderStep(step);
    return `# ${step.title}\n${comment(step.why)}\n${needs === undefined ? body : guarded(step, body, needs, waiting.get(needs) ?? '')}`;
  });
  return `${header}\n${blocks.join('\n\n')}\n`;
}

/** Values stand in comments, in arguments and in input. Quoting keeps every character of an argument from being read
 *  by bash; a comment ends with its line, and a reviewer has to see what is there. A variable that no step looks up
 *  was never the plan's. */
function refuseWhatIsNoValue(steps: readonly Step[]): void {
  const known = new Set<string>();
  for (const step of steps) {
    const commands = step.kind === 'ensure' ? [step.check, step.create, step.update] : [step.command];
    const texts = commands.flatMap((command) => [...(command?.argv ?? []), ...(command?.stdin?.split('\n') ?? [])]);
    const waitsFor = step.kind === 'lookup' ? (step.waitsFor ?? '') : '';
    for (const text of [step.title, step.why, waitsFor, ...texts]) {
      if (printable(text) !== text)
        throw new Error(`a value with control characters cannot be in a script: ${printable(text)}`);
    }
    const unknown = variablesOf(step).find((variable) => !known.has(variable));
    if (unknown !== undefined) throw new Error(`"${step.title}" refers to \${${unknown}}, which no step looks up`);
    if (step.kind === 'lookup') known.add(step.variable);
  }
}

/** Does a step only where the value that it needs is there. */
function guarded(step: Step, body: string, needs: string, waitsFor: string): string {
  const otherwise = [`echo ${quote(`waiting: ${step.title}. ${waitsFor}`)} >&2`];
  if (step.kind === 'lookup') otherwise.push(`${step.variable}=''`);
  return `if [ -n "\${${needs}}" ]; then\n${indented(body)}\nelse\n${otherwise.map(indented).join('\n')}\nfi`;
}

const header = `#!/usr/bin/env bash
set -euo pipefail
# gcloud must not ask: nobody may be there to answer.
export CLOUDSDK_CORE_DISABLE_PROMPTS=1

# Prints what a command prints, and nothing when it says that the thing is not there. Any other failure ends the script.
ask() {
  local errors
  errors="$(mktemp)"
  if "$@" 2>"$errors"; then rm -f "$errors"; return 0; fi
  if grep -qiE '${saysNotFound.source}' "$errors"; then rm -f "$errors"; return 0; fi
  cat "$errors" >&2
  rm -f "$errors"
  exit 1
}

# Whether the thing that a command describes is there. Any other failure than its absence ends the script.
exists() {
  local described
  described="$(ask "$@")" || exit 1
  [ -n "$described" ]
}

# What was just made may be unknown elsewhere for some seconds: these commands are tried for a minute.
settled() {
  for _ in 1 2 3 4 5 6; do
    if "$@" >/dev/null; then return 0; fi
    sleep 10
  done
  "$@" >/dev/null
}
`;

/** Characters of a comment line. */
const commentWidth = 118;

function comment(text: string): string {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > commentWidth) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line].join('\n');
}
