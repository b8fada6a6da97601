import assert from 'node:assert/strict';
import { parseSchedule } from '../../../local/runtime/scheduleTimes.ts';

const startMs = Date.parse('2026-03-10T12:03:30Z');

/** The first times of a schedule after `startMs`, each execution ending as it starts. */
function times(schedule: string, timeZone?: string, count = 3): string[] {
  const parsed = parseSchedule(schedule, timeZone);
  const found: number[] = [];
  while (found.length < count) found.push(parsed.next(found.at(-1) ?? startMs, found.at(-1) ?? startMs));
  return found.map((time) => new Date(time).toISOString().slice(0, 19));
}

describe('schedules', () => {
  const cases: [string, string | undefined, string[]][] = [
    ['* * * * *', undefined, ['2026-03-10T12:04:00', '2026-03-10T12:05:00', '2026-03-10T12:06:00']],
    ['*/20 * * * *', undefined, ['2026-03-10T12:20:00', '2026-03-10T12:40:00', '2026-03-10T13:00:00']],
    ['every 5 minutes', undefined, ['2026-03-10T12:08:30', '2026-03-10T12:13:30', '2026-03-10T12:18:30']],
    ['every 1 mins', undefined, ['2026-03-10T12:04:30', '2026-03-10T12:05:30', '2026-03-10T12:06:30']],
    ['every 2 hours', undefined, ['2026-03-10T14:03:30', '2026-03-10T16:03:30', '2026-03-10T18:03:30']],
    ['every day 09:05', undefined, ['2026-03-11T09:05:00', '2026-03-12T09:05:00', '2026-03-13T09:05:00']],
    ['every day 00:00', 'America/New_York', ['2026-03-11T04:00:00', '2026-03-12T04:00:00', '2026-03-13T04:00:00']],
    ['every mon,thu 10:00', undefined, ['2026-03-12T10:00:00', '2026-03-16T10:00:00', '2026-03-19T10:00:00']],
    ['every monday 10:00', undefined, ['2026-03-16T10:00:00', '2026-03-23T10:00:00', '2026-03-30T10:00:00']],
    ['30 2 * * *', 'Europe/Berlin', ['2026-03-11T01:30:00', '2026-03-12T01:30:00', '2026-03-13T01:30:00']],
  ];
  for (const [schedule, timeZone, expected] of cases) {
    it(`${schedule} (${timeZone ?? 'no zone'})`, () => assert.deepEqual(times(schedule, timeZone), expected));
  }

  for (const schedule of [
    '',
    'every 0 minutes',
    'every full moon',
    'every day 25:00',
    '* * * *',
    'every xyz 10:00',
    'every 2 hours synchronized',
  ]) {
    it(`refuses "${schedule}"`, () =>
      assert.throws(() => parseSchedule(schedule), /^Error: The schedule ".*" cannot be read/));
  }

  it('refuses an unknown time zone', () => {
    assert.throws(() => parseSchedule('* * * * *', 'Mars/Olympus'), /cannot be read/);
  });
});
