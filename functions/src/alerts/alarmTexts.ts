import type { Alarm } from '../log.ts';

/** How urgent an alarm is, in the words of Cloud Monitoring. */
export type AlarmSeverity = 'CRITICAL' | 'ERROR' | 'WARNING';

/** What each alarm means to the person who is woken, and what to do. The type makes sure that no alarm is forgotten. */
export const alarmTexts: Readonly<Record<Alarm, { readonly severity: AlarmSeverity; readonly text: string }>> = {
  'dead-letter': {
    severity: 'ERROR',
    text: 'An event could not be applied and is kept as a dead letter. Read `syncFailures`: the error and the event are there. Repair the cause, then redrive it.',
  },
  'history-lost': {
    severity: 'CRITICAL',
    text: 'MongoDB no longer has the changes since the checkpoint. The relay went on from now and asked for a reconciliation. Run it in mode `clean`, and make the oplog window longer.',
  },
  'source-invalidated': {
    severity: 'CRITICAL',
    text: 'The collection of projects was dropped or renamed. Nothing was deleted in Firestore. Find out who did it before the next reconciliation runs in mode `clean`.',
  },
  'source-changed': {
    severity: 'CRITICAL',
    text: 'The place of the relay belongs to another collection or cluster than the one that is there now: a restored backup, or a wrong MONGODB_URI. The relay publishes nothing. If the new one is right, run `npm run relay -- --adopt`; otherwise correct MONGODB_URI.',
  },
  'change-unreadable': {
    severity: 'ERROR',
    text: 'A change of a project could not be read and was skipped; it is a dead letter, and a reconciliation of the project was asked for. Look at the project in MongoDB.',
  },
  'no-progress': {
    severity: 'CRITICAL',
    text: 'Several runs of the relay in a row did not move its place: changes are not published. Read the errors of the relay; mostly MongoDB does not answer, or too late for the function. Or no relay follows one of its shards: the line of the log names it.',
  },
  'rewind-refused': {
    severity: 'ERROR',
    text: 'The relay was asked to go back to a time that MongoDB’s oplog no longer reaches, and goes on from where it was. The line of the log says the oldest possible time. A reconciliation finds what a rewind would have brought.',
  },
  'source-unreachable': {
    severity: 'CRITICAL',
    text: 'MongoDB does not answer. Changes wait in its oplog: nothing is lost while the oplog window lasts.',
  },
  'lease-lost': {
    severity: 'WARNING',
    text: 'A relay was held up for so long that another took its lease. Harmless once; often, give it more CPU.',
  },
  brake: {
    severity: 'CRITICAL',
    text: 'A reconciliation stopped itself before it deleted anything: MongoDB looked empty or wrong, or there were too many orphans. Read its report in `syncJobs` before you raise a limit.',
  },
  hold: {
    severity: 'ERROR',
    text: 'Work on a deletion was held back, because it looked wrong. Read the line of the log: it names the project and the reason.',
  },
  'project-record-unreadable': {
    severity: 'ERROR',
    text: 'A record in `syncProjects` cannot be understood, and work on this project has stopped. Repair or remove it, then redrive its dead letters.',
  },
  'drift-found': {
    severity: 'WARNING',
    text: 'A reconciliation has found assets that are not in step with their projects. In mode `report` nothing was changed: read its report in `syncJobs`, then run it with `--clean`. If it happens again, find out who writes these assets.',
  },
  'target-missed': {
    severity: 'ERROR',
    text: 'A target of `lockstep.config.ts` is missed; the line names it with what was measured. Look at the lag of the relay, at `attempts` in `syncProjects`, and at what waits in `syncJobs`. The alert closes by itself once the target is met again.',
  },
  'deletions-unusual': {
    severity: 'ERROR',
    text: 'Far more projects were deleted within the hour than this installation is used to. Find out who deletes them: `npm run holds -- list` shows what is held; pausing deletions keeps the assets of the others.',
  },
  'files-refused': {
    severity: 'ERROR',
    text: 'Cloud Storage refuses the removal of files whose assets were deleted, or to read a page of the archive that may name some; they stay, and are tried again, at last once a day. The line of the log says why: mostly the account of `reconcileOnRequest` lacks its role on FILES_BUCKET or ARCHIVE_BUCKET (`npm run provision`), or a retention policy or a hold keeps the object.',
  },
};

export function isAlarm(name: string): name is Alarm {
  return Object.hasOwn(alarmTexts, name);
}

/** How urgent it is; that of an alarm of another version is not known. */
export function severityOf(alarm: string): AlarmSeverity {
  return isAlarm(alarm) ? alarmTexts[alarm].severity : 'ERROR';
}

/** What to do about it. */
export function hintOf(alarm: string): string {
  return isAlarm(alarm)
    ? alarmTexts[alarm].text
    : 'This alarm is of another version of Lockstep: see its documentation.';
}
