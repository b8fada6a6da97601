import type { Alarm, LogFields } from '../log.ts';

/** The field that tells apart what is to be decided apart. Never one with many values, such as the project: a thousand
 *  dead letters of one cause are one alert with a count, not a thousand calls at night. */
const subjectFields: Partial<Readonly<Record<Alarm, string>>> = {
  'dead-letter': 'reason',
  brake: 'brake',
  'no-progress': 'what',
  'target-missed': 'target',
};

/** What a subject looks like: a name of ours. Anything else, which a producer may have sent, makes no key. */
const subjectShape = /^[a-z][a-z-]{0,39}$/;

/** Under which key an alarm is one alert: the alarm, and what it is about. */
export function alertKey(alarm: Alarm, fields: LogFields): string {
  const field = subjectFields[alarm];
  const subject = field === undefined ? undefined : fields[field];
  return typeof subject === 'string' && subjectShape.test(subject) ? `${alarm}:${subject}` : alarm;
}
