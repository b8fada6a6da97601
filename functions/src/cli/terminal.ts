import { createInterface } from 'node:readline/promises';
import { type Clock, systemClock } from '../clock.ts';
import { printable } from '../printable.ts';

/** Variables of the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a command sees of the terminal. Every line is made printable: text from outside can neither steer the
 *  terminal nor pass for a line of its own. */
export interface Terminal {
  readonly clock: Clock;
  /** Aborted by the first SIGINT or SIGTERM, and when nobody reads its output any more. */
  readonly signal: AbortSignal;
  /** Prints one line of the result. */
  print(line: string): void;
  /** Prints one line about the run, apart from the result. */
  note(line: string): void;
  /** A note under the name of the command. */
  warn(text: string): void;
  /** How far the run is: one line that changes on a terminal, lines elsewhere. */
  progress(line: string): void;
  /** Whether `progress` changes one line. */
  readonly isInteractive: boolean;
  /** Asks a person; undefined when nobody is there to answer. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
  /** Asks a person for a line of text; undefined when nobody is there to answer. */
  readonly askText: ((question: string) => Promise<string>) | undefined;
  /** Has something closed before the process ends. */
  atEnd(close: () => Promise<unknown>): void;
}

/** The terminal of this process, and what ends the process in order. */
export interface ProcessTerminal extends Terminal {
  /** 130 or 143 once SIGINT or SIGTERM has come (https://tldp.org/LDP/abs/html/exitcodes.html), 141 once nobody reads
   *  its output any more, before that undefined. */
  stopCode(): number | undefined;
  /** Closes what was opened, as far as it can be closed soon, and ends the process. */
  exit(code: number): Promise<never>;
}

/** How long a command may take to save its progress after a signal, and then to close its connections, in ms: it has
 *  ended two seconds after the signal, whatever is unreachable. */
const savingMs = 1_400;
const closingMs = 400;

/** Ctrl-C reaches every process of the group, and those in front pass it on as well: what comes within this time, in
 *  ms, is the same signal. */
const sameSignalMs = 500;

const signalCodes = { SIGINT: 130, SIGTERM: 143, SIGPIPE: 141 } as const;

/** The terminal of this process.
 *  @param saves whether the command saves its progress after a signal; another one ends at once. */
export function createTerminal(name: string, saves: boolean): ProcessTerminal {
  const isInteractive = process.stderr.isTTY === true;
  const closers: (() => Promise<unknown>)[] = [];
  let isLineOpen = false;
  let isEnding = false;
  const leaveLine = () => {
    if (isLineOpen) process.stderr.write('\r\u001b[2K');
    isLineOpen = false;
  };
  const note = (line: string) => {
    leaveLine();
    process.stderr.write(`${printable(line)}\n`);
  };
  const warn = (text: string) => note(`lockstep ${name}: ${text}`);
  const stop = stopOnSignals(saves, () => warn('stopping; a second signal ends it at once'));
  return {
    clock: systemClock,
    signal: stop.signal,
    isInteractive,
    print(line) {
      leaveLine();
      process.stdout.write(`${printable(line)}\n`);
    },
    note,
    warn,
    progress(line) {
      if (isEnding) return;
      if (!isInteractive) return warn(line);
      process.stderr.write(`\r\u001b[2K${printable(line)}`);
      isLineOpen = true;
    },
    ask: isInteractive && process.stdin.isTTY === true ? askOnTerminal : undefined,
    askText: isInteractive && process.stdin.isTTY === true ? askTextOnTerminal : undefined,
    atEnd: (close) => closers.push(close),
    stopCode: stop.code,
    async exit(code) {
      leaveLine();
      isEnding = true;
      stop.isOver();
      systemClock.after(closingMs, () => process.exit(code));
      await Promise.allSettled(closers.map((close) => close()));
      // Sockets of the client libraries would keep the process alive for a while after all is done.
      process.exit(code);
    },
  };
}

function stopOnSignals(saves: boolean, onFirst: () => void) {
  const controller = new AbortController();
  let first: { readonly code: number; readonly at: number } | undefined;
  let cancel = () => {};
  const onSignal = (name: keyof typeof signalCodes) => {
    const code = signalCodes[name];
    const now = systemClock.now();
    if (first !== undefined) {
      if (now - first.at > sameSignalMs) process.exit(code);
      return;
    }
    if (!saves) process.exit(code);
    first = { code, at: now };
    onFirst();
    cancel = systemClock.after(savingMs, () => process.exit(code));
    controller.abort(new Error(`stopped by ${name}`));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // Node ignores SIGPIPE: that nobody reads any more (`| head`) comes as an error, with each further line again.
  const onPipeError = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (first === undefined) onSignal('SIGPIPE');
  };
  process.stdout.on('error', onPipeError);
  process.stderr.on('error', onPipeError);
  return { signal: controller.signal, code: () => first?.code, isOver: () => cancel() };
}

async function askOnTerminal(question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await askTextOnTerminal(`${question} [y/N]`)).trim());
}

async function askTextOnTerminal(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // While it reads a line, the terminal hands Ctrl-C to the program as a key.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return await lines.question(`${question} `);
  } finally {
    lines.close();
  }
}
