import { AsyncLocalStorage } from 'node:async_hooks';

/** Finds which error log lines were written on behalf of one invocation. */
export interface ErrorReport {
  /** Runs `invoke` and calls `onError` with the text of every error line that it logs. */
  watch<Result>(onError: (text: string) => void, invoke: () => Result): Result;
}

/** Scheduled functions log their error and answer a bare 500. To report to the caller what went wrong, this listens to
 *  `console.error`, which their logger writes to; so it has to be installed before firebase-functions is loaded. */
export function installErrorReport(): ErrorReport {
  const current = new AsyncLocalStorage<(text: string) => void>();
  const original = console.error;
  console.error = (...args: unknown[]) => {
    current.getStore()?.(errorText(args[0]));
    original(...args);
  };
  return { watch: (onError, invoke) => current.run(onError, invoke) };
}

/** The message of a structured log line, else the line itself. */
function errorText(line: unknown): string {
  try {
    const entry: unknown = JSON.parse(String(line));
    if (typeof entry === 'object' && entry !== null && 'message' in entry) return String(entry.message);
    return String(line);
  } catch {
    // Not a structured line: then the line is the text.
    return String(line);
  }
}
