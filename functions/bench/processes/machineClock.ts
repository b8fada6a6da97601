const nanosecondsPerMillisecond = 1e6;

/** Milliseconds of the machine's own monotonic clock, which all processes on it share: so a duration may begin in one
 *  process and end in another. `performance.now()` counts from the start of its process. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / nanosecondsPerMillisecond;
}
