import { styleText } from 'node:util';
import type { RuntimeLogEntry } from '../runtime/runtime.ts';

const severities = ['DEBUG', 'INFO', 'NOTICE', 'WARNING', 'ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY'];

/** Fields that say nothing to a person who watches. */
const hidden = new Set(['function', 'pid', 'severity', 'message', 'outcome', 'logging.googleapis.com/trace']);

/** Prints log entries of functions for people, one line each: time, function, what happened, and its fields. */
export function createLogPrinter(
  least: string,
  write: (line: string) => void = (line) => console.log(line),
): (entry: RuntimeLogEntry) => void {
  const threshold = severities.indexOf(least);
  return (entry) => {
    if (severities.indexOf(entry.severity) < threshold) return;
    const fields = Object.entries(entry)
      .filter(([name]) => !hidden.has(name))
      .map(
        ([name, value]) =>
          `${styleText('dim', `${name}=`)}${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
    const time = new Date().toISOString().slice(11, 23);
    const isBad = severities.indexOf(entry.severity) >= severities.indexOf('ERROR');
    const isOdd = entry.severity === 'WARNING';
    const message = isBad
      ? styleText('red', entry.message)
      : isOdd
        ? styleText('yellow', entry.message)
        : entry.message;
    write([styleText('dim', time), entry.function.padEnd(19), message, ...fields].join(' '));
  };
}
