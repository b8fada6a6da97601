/** What went wrong in a way that a person must look at. Alert policies match on these words, so they are stable. */
export type Alarm =
  | 'dead-letter'
  | 'history-lost'
  | 'source-invalidated'
  | 'source-changed'
  | 'change-unreadable'
  | 'no-progress'
  | 'rewind-refused'
  | 'source-unreachable'
  | 'lease-lost'
  | 'brake'
  | 'hold'
  | 'project-record-unreadable'
  | 'drift-found'
  | 'target-missed'
  | 'deletions-unusual'
  | 'files-refused';

/** Fields of one log line. Names are stable: `projectId`, `eventId`, `jobId`, `version`, `function` … */
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logging: one event per line, saying what happened. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** An error that raises an alert: the line carries `alarm`, on which log-based metrics count. */
  alarm(alarm: Alarm, message: string, fields?: LogFields): void;
}

/** The text of an error for a log line or a record, with the chain of its causes. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (because: ${errorText(error.cause)})`;
}
