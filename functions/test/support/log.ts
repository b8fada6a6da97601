import type { Log, LogFields } from '../../src/log.ts';

/** A log that keeps its lines. */
export interface RecordedLog extends Log {
  readonly lines: { readonly level: keyof Log; readonly message: string; readonly fields: LogFields }[];
  /** The alarms raised, by name. */
  alarms(): string[];
}

export function recordedLog(): RecordedLog {
  const lines: RecordedLog['lines'] = [];
  const at =
    (level: keyof Log) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields });
  return {
    lines,
    alarms: () => lines.filter(({ level }) => level === 'alarm').map(({ fields }) => String(fields.alarm)),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    alarm: (alarm, message, fields = {}) => at('alarm')(message, { alarm, ...fields }),
  };
}
