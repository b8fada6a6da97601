import type { Clock } from '../clock.ts';
import type { Log, LogFields } from '../log.ts';

/** Logging for people who look at a terminal: time, level, what happened, fields as `name=value`. */
export function createConsoleLog(clock: Clock, write: (line: string) => void): Log {
  const line = (level: string, message: string, fields: LogFields = {}) => {
    const time = new Date(clock.now()).toISOString();
    const details = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
    write(`${time} ${level.padEnd(5)} ${message}${details.join('')}`);
  };
  return {
    debug: () => undefined,
    info: (message, fields) => line('info', message, fields),
    warn: (message, fields) => line('warn', message, fields),
    error: (message, fields) => line('error', message, fields),
    alarm: (alarm, message, fields) => line('ALARM', message, { alarm, ...fields }),
  };
}
