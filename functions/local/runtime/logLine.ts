/** One line that a function wrote, or that the runtime has to say about it. */
export interface RuntimeLogEntry {
  /** Name of the function. */
  readonly function: string;
  /** The process that wrote it; none for the runtime's own lines. */
  readonly pid?: number | undefined;
  /** As in Cloud Logging: DEBUG, INFO, NOTICE, WARNING, ERROR, CRITICAL … */
  readonly severity: string;
  readonly message: string;
  /** Further fields of a structured line. */
  readonly [field: string]: unknown;
}

/** Reads a line of a child's output: JSON with a severity and a message is taken apart, as Cloud Logging does; anything
 *  else is a message. */
export function parseLogLine(line: string, stream: 'stdout' | 'stderr'): { severity: string; message: string } {
  const severity = stream === 'stderr' ? 'ERROR' : 'INFO';
  const fields = parseObject(line);
  if (!fields) return { severity, message: line };
  return {
    ...fields,
    severity: typeof fields.severity === 'string' ? fields.severity : severity,
    message: typeof fields.message === 'string' ? fields.message : line,
  };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    // Text that happens to begin like JSON is a plain message.
    return undefined;
  }
}
