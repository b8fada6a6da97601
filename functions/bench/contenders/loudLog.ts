import type { Log } from '../../src/log.ts';

/** Says only what should not happen while something is measured. */
export const loudLog: Log = {
  debug() {},
  info() {},
  warn: (message, fields) => console.error(message, fields),
  error: (message, fields) => console.error(message, fields),
  alarm: (alarm, message, fields) => console.error(alarm, message, fields),
};
