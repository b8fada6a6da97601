/** What happened on the server, with its fields. */
export interface LogEntry {
  readonly event: string;
  readonly [field: string]: unknown;
}
