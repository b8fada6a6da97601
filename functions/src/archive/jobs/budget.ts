/** How much one invocation may do. */
export interface JobBudget {
  /** No new piece of work begins after this time, ms since 1970. */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

/** How an invocation's part of a job ended. */
export type JobEnd = 'done' | 'continued';
