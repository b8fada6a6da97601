import { defineInt, defineSecret, defineString, select } from 'firebase-functions/params';

// What differs between deployments. `functions/.env` has all defaults, since `firebase deploy` asks for what is in no
// file; `functions/.env.<project>` outranks it: https://firebase.google.com/docs/functions/config-env

/** Connection string of MongoDB. A secret, so that it is in no file: `firebase functions:secrets:set MONGODB_URI`. */
export const mongodbUri = defineSecret('MONGODB_URI');

const defaults = {
  LOCKSTEP_REGION: 'us-central1',
  FIRESTORE_DATABASE: '(default)',
  PROJECT_EVENTS_TOPIC: 'project-events',
  DELETIONS_TOPIC: 'project-deletions',
  PROJECT_EVENTS_DEAD_LETTER_TOPIC: 'project-events-dead-letter',
  RECONCILIATION_REQUESTS_TOPIC: 'reconciliation-requests',
  ALERTS_TOPIC: 'sync-alerts',
  PROJECT_CONVERGED_TOPIC: 'project-converged',
  RELAY_SCHEDULE: '* * * * *',
  RECONCILE_SCHEDULE: 'every day 03:00',
  RECONCILE_MODE: 'report',
  RELAY_BUDGET_SECONDS: 1_740,
  RELAY_SHARDS: 1,
  SYNC_BUDGET_SECONDS: 480,
  SYNC_MAX_ATTEMPTS: 10,
  SYNC_LEASE_SECONDS: 60,
  HOLD_WINDOW_MINUTES: 10,
  HOLD_MAX_PROJECTS: 100,
  HOLD_MAX_SHARE_PERCENT: 1,
  RECONCILE_BUDGET_SECONDS: 480,
  RECONCILE_GRACE_MINUTES: 60,
  JOB_RETENTION_DAYS: 90,
  HISTORY_DAYS: 30,
  SYNC_MODE: 'live',
  OPERATIONS_APP_CHECK: 'off',
  ARCHIVE_BUCKET: '',
  ARCHIVE_COLD_DAYS: 7,
  FILES_BUCKET: '',
  FILES_PREFIX: '',
  FILES_GRACE_MINUTES: 60,
} as const;

type ParamName = keyof typeof defaults;

const text = (name: ParamName, description: string, shape = /./, what = 'some text') => {
  const param = defineString(name, { default: String(defaults[name]), description });
  return {
    expression: param,
    /** @throws Error when it is not what it can be. */
    value(): string {
      const set = process.env[name] || String(defaults[name]);
      if (shape.test(set)) return set;
      throw new Error(`${name}: "${set}" is not ${what}`);
    },
  };
};

const number = (name: ParamName, description: string, least: number, most: number) => {
  const param = defineInt(name, { default: Number(defaults[name]), description });
  return { expression: param, value: () => wholeNumber(name, process.env[name], least, most) };
};

/** Where the functions run; close to Firestore and MongoDB. */
export const region = text(
  'LOCKSTEP_REGION',
  'Region of all functions, close to Firestore and MongoDB.',
  /^[a-z]+-[a-z]+[0-9]+$/,
  'a region',
);

/** The database that holds assets and records (https://cloud.google.com/firestore/docs/manage-databases#database_id).
 */
export const firestoreDatabase = text(
  'FIRESTORE_DATABASE',
  'Firestore database that holds the assets and the records of Lockstep.',
  /^(\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9])$/,
  'the id of a database',
);

/** A topic (https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names). */
const topic = (name: ParamName, description: string) =>
  text(name, description, /^(?!goog)[A-Za-z][\w.~+%-]{2,254}$/, 'the name of a topic');

export const eventsTopic = topic('PROJECT_EVENTS_TOPIC', 'Pub/Sub topic of project events.');
export const deletionsTopic = topic('DELETIONS_TOPIC', 'Pub/Sub topic of deletions, which wait for no other event.');
export const deadLetterTopic = topic('PROJECT_EVENTS_DEAD_LETTER_TOPIC', 'Pub/Sub topic of events that were given up.');
export const requestsTopic = topic('RECONCILIATION_REQUESTS_TOPIC', 'Pub/Sub topic that asks for a reconciliation.');

export const alertsTopic = topic('ALERTS_TOPIC', 'Pub/Sub topic of alerts.');

export const convergedTopic = topic(
  'PROJECT_CONVERGED_TOPIC',
  'Pub/Sub topic of projects whose assets show a state; used where the configuration says "converged".',
);

/** Name of the secret with the addresses of the targets of alerts. It is one secret for all: a deployment is asked for
 *  one value, and only where targets are configured. */
export const alertTargetsSecret = 'ALERT_TARGETS';

export const relaySchedule = text(
  'RELAY_SCHEDULE',
  'When the relay is invoked, as unix-cron: "every 1 minutes" would leave a minute after each invocation.',
);
/** The longest that Cloud Scheduler waits for an attempt
 *  (https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs), and Cloud Functions for a
 *  scheduled function (https://firebase.google.com/docs/functions/quotas#time_limits). */
export const relayTimeoutSeconds = 1_800;

/** The longest that an event-driven function may take: https://firebase.google.com/docs/functions/quotas#time_limits */
export const eventTimeoutSeconds = 540;

/** Between budget and timeout: what is under way ends, and progress is kept. */
const marginSeconds = 10;

/** Deliveries after which Pub/Sub itself gives a message up, the most that it takes
 *  (https://cloud.google.com/pubsub/docs/handling-failures). The functions dead-letter what they cannot apply long
 *  before; this catches what fails before our code runs. With the backoff of the subscriptions these are about 16
 *  hours: an outage of Firestore for a night makes no dead letters. */
export const maxDeliveryAttempts = 100;

/** Nothing looks back further than tombstones are kept, which are 90 days. */
const longestMinutes = 90 * 24 * 60;

export const relayBudgetSeconds = number(
  'RELAY_BUDGET_SECONDS',
  'How long one invocation tails the change stream; the next one follows at once. A new deployment takes over after that long at most.',
  1,
  relayTimeoutSeconds - marginSeconds,
);

/** MongoDB looks through its oplog once for each, and each is a function of the deployment. */
export const mostRelayShards = 8;

export const relayShards = number(
  'RELAY_SHARDS',
  'Among how many relays the projects are divided. More than 1 is for more changes than one relay can publish.',
  1,
  mostRelayShards,
);

export const syncBudgetSeconds = number(
  'SYNC_BUDGET_SECONDS',
  'How long one invocation works before it continues in another.',
  1,
  eventTimeoutSeconds - marginSeconds,
);
export const syncMaxAttempts = number(
  'SYNC_MAX_ATTEMPTS',
  'Failed deliveries of one event before it becomes a dead letter.',
  1,
  maxDeliveryAttempts - 1,
);
export const syncLeaseSeconds = number(
  'SYNC_LEASE_SECONDS',
  'How long a silent worker keeps its project.',
  1,
  eventTimeoutSeconds,
);

export const holdWindowMinutes = number(
  'HOLD_WINDOW_MINUTES',
  'Length of the window in which deletions of projects are counted, to hold those that come with too many others.',
  1,
  longestMinutes,
);
export const holdMaxProjects = number(
  'HOLD_MAX_PROJECTS',
  'A quarter of the projects may be deleted within a window, but no more than this; further deletions are held. 0: no hold.',
  0,
  Number.MAX_SAFE_INTEGER,
);
export const holdMaxSharePercent = number(
  'HOLD_MAX_SHARE_PERCENT',
  'Percentage of all projects that may be deleted within a window, where it is more than HOLD_MAX_PROJECTS.',
  0,
  100,
);

export const reconcileSchedule = text('RECONCILE_SCHEDULE', 'When the reconciliation runs.');
export const reconcileBudgetSeconds = number(
  'RECONCILE_BUDGET_SECONDS',
  'How long one invocation reconciles before it continues in another.',
  1,
  eventTimeoutSeconds - marginSeconds,
);
export const reconcileGraceMinutes = number(
  'RECONCILE_GRACE_MINUTES',
  'Age below which nothing counts as an orphan.',
  0,
  longestMinutes,
);
export const jobRetentionDays = number(
  'JOB_RETENTION_DAYS',
  'Days for which finished jobs and redriven dead letters are kept.',
  1,
  3_650,
);

export const historyDays = number(
  'HISTORY_DAYS',
  'Days for which the history of events is kept. 0: none is written.',
  0,
  3_650,
);

const modeParam = defineString('RECONCILE_MODE', {
  default: defaults.RECONCILE_MODE,
  description: 'Whether the scheduled reconciliation only reports, or also repairs.',
  input: select(['report', 'clean']),
});
export const reconcileMode = {
  expression: modeParam,
  /** @throws Error when it is neither `report` nor `clean`. */
  value(): 'report' | 'clean' {
    const mode = process.env.RECONCILE_MODE || defaults.RECONCILE_MODE;
    if (mode === 'report' || mode === 'clean') return mode;
    throw new Error(`RECONCILE_MODE: expected "report" or "clean", received "${mode}"`);
  },
};

const syncModeParam = defineString('SYNC_MODE', {
  default: defaults.SYNC_MODE,
  description: 'Whether assets are brought in step, or what would be done to them is only counted.',
  input: select(['live', 'shadow']),
});
export const syncMode = {
  expression: syncModeParam,
  /** @throws Error when it is neither `live` nor `shadow`. */
  value(): 'live' | 'shadow' {
    const mode = process.env.SYNC_MODE || defaults.SYNC_MODE;
    if (mode === 'live' || mode === 'shadow') return mode;
    throw new Error(`SYNC_MODE: expected "live" or "shadow", received "${mode}"`);
  },
};

const appCheckParam = defineString('OPERATIONS_APP_CHECK', {
  default: defaults.OPERATIONS_APP_CHECK,
  description: 'Whether the API takes only requests that App Check attests, besides their token.',
  input: select(['off', 'required']),
});
/** https://firebase.google.com/docs/app-check */
export const appCheck = {
  expression: appCheckParam,
  /** @throws Error when it is neither `off` nor `required`. */
  value(): 'off' | 'required' {
    const mode = process.env.OPERATIONS_APP_CHECK || defaults.OPERATIONS_APP_CHECK;
    if (mode === 'off' || mode === 'required') return mode;
    throw new Error(`OPERATIONS_APP_CHECK: expected "off" or "required", received "${mode}"`);
  },
};

/** Empty, or a bucket (https://cloud.google.com/storage/docs/buckets#naming). */
const bucket = (name: ParamName, description: string) =>
  text(name, description, /^$|^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/, 'the name of a bucket');

export const archiveBucket = bucket(
  'ARCHIVE_BUCKET',
  'Bucket that archived assets move to when they are ARCHIVE_COLD_DAYS old. Empty: they stay in Firestore.',
);
export const archiveColdDays = number(
  'ARCHIVE_COLD_DAYS',
  'Days after which archived assets move to ARCHIVE_BUCKET.',
  0,
  3_650,
);

export const filesBucket = bucket('FILES_BUCKET', 'Bucket of the files that assets name.');
export const filesPrefix = text(
  'FILES_PREFIX',
  'Folder of these files in the bucket, with "/" at its end. Files elsewhere are never touched.',
  /^$|^((?!\.{1,2}\/)[^/\\\p{C}]+\/)+$/u,
  'a folder of a bucket, with "/" at its end',
);
export const filesGraceMinutes = number(
  'FILES_GRACE_MINUTES',
  'How long a file stays after the deletion of the asset that has named it.',
  0,
  longestMinutes,
);

/** A parameter as the environment holds it. The defaults stand here too, since at run time the library reads a missing
 *  number as 0.
 *  @throws Error when it is not a whole number from `least` to `most`. */
function wholeNumber(name: ParamName, value: string | undefined, least: number, most: number): number {
  if (value === undefined || value === '') return Number(defaults[name]);
  // Blanks would be 0, which switches some things off.
  const parsed = value.trim() === '' ? Number.NaN : Number(value);
  if (Number.isSafeInteger(parsed) && parsed >= least && parsed <= most) return parsed;
  if (parsed > most) throw new Error(`${name}: expected at most ${most}, received "${value}"`);
  throw new Error(`${name}: expected a whole number of at least ${least}, received "${value}"`);
}
