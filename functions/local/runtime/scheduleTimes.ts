import { Cron } from 'croner';

/** The times of a schedule. */
export interface ScheduleTimes {
  /** When the execution is due that follows one with this start and end, all in ms since the epoch. A time before
   *  `endedAt` has passed during that execution: the next one starts late, which is at once. */
  next(startedAt: number, endedAt: number): number;
}

/** Deployments of second generation functions use this when a schedule names no time zone. */
const defaultTimeZone = 'UTC';

const msPerUnit: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000 };

const intervalPattern = /^every\s+(\d+)\s+(min(?:ute)?|hour)s?$/i;
const daysPattern = /^every\s+(day|[a-z]{3,}(?:\s*,\s*[a-z]{3,})*)\s+(\d{1,2}):(\d{2})$/i;
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** Reads a schedule as Cloud Scheduler does: unix-cron (`*\/5 * * * *`), or the App Engine forms `every 5 minutes`,
 *  `every 2 hours`, `every day 09:30`, `every mon,thu 09:30`. Throws for anything else. */
export function parseSchedule(schedule: string, timeZone: string = defaultTimeZone): ScheduleTimes {
  const text = schedule.trim();
  const [, count, unit] = intervalPattern.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return everyInterval(text, Number(count), unit.toLowerCase());
  const [, days, hour, minute] = daysPattern.exec(text) ?? [];
  if (days !== undefined)
    return cron(text, `${Number(minute)} ${Number(hour)} * * ${daysOfWeek(text, days)}`, timeZone);
  if (/^every\b/i.test(text)) throw unreadable(text, 'this form of "every …" is not known here; write it as unix-cron');
  return cron(text, text, timeZone);
}

/** An end-time interval: it begins when an execution ends.
 *  https://cloud.google.com/appengine/docs/standard/scheduling-jobs-with-cron-yaml#defining_the_cron_job_schedule */
function everyInterval(schedule: string, count: number, unit: string): ScheduleTimes {
  const interval = count * (msPerUnit[unit === 'min' ? 'minute' : unit] ?? 0);
  if (interval === 0) throw unreadable(schedule, 'the interval is zero');
  return { next: (_startedAt, endedAt) => endedAt + interval };
}

function daysOfWeek(schedule: string, days: string): string {
  if (/^day$/i.test(days)) return '*';
  return days
    .split(',')
    .map((day) => {
      const short = day.trim().slice(0, 3).toLowerCase();
      if (!weekdays.includes(short)) throw unreadable(schedule, `"${day.trim()}" is not a day of the week`);
      return short;
    })
    .join(',');
}

function cron(schedule: string, pattern: string, timeZone: string): ScheduleTimes {
  let job: Cron;
  try {
    job = new Cron(pattern, { mode: '5-part', timezone: timeZone });
    job.nextRun();
  } catch (cause) {
    throw unreadable(schedule, cause instanceof Error ? cause.message : String(cause));
  }
  return {
    next(startedAt) {
      const next = job.nextRun(new Date(startedAt));
      if (!next) throw unreadable(schedule, `it has no time after ${new Date(startedAt).toISOString()}`);
      return next.getTime();
    },
  };
}

function unreadable(schedule: string, why: string): Error {
  return new Error(`The schedule "${schedule}" cannot be read: ${why}.`);
}
