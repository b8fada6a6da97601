import { write } from 'firebase-functions/logger';
import type { Log } from './log.ts';

/** Logs structured lines for Cloud Logging (https://cloud.google.com/logging/docs/structured-logging). Not through
 *  `logger.error` and its like, which add a stack trace that leads here. */
export const cloudLog: Log = {
  debug: (message, fields) => write({ ...fields, severity: 'DEBUG', message }),
  info: (message, fields) => write({ ...fields, severity: 'INFO', message }),
  warn: (message, fields) => write({ ...fields, severity: 'WARNING', message }),
  error: (message, fields) => write({ ...fields, severity: 'ERROR', message }),
  alarm: (alarm, message, fields) => write({ ...fields, alarm, severity: 'ERROR', message }),
};
