import { maxDeliveryAttempts } from '../src/config/params.ts';
import { recordIndexing } from '../src/reconcile/recordIndexes.ts';
import { type AlertPolicy, alertPolicies, type LogMetric, logMetrics } from './alerting.ts';
import {
  accountEmail,
  accounts,
  type Buckets,
  type FunctionIdentity,
  identitiesWith,
  receivesEvents,
  type Topics,
} from './identities.ts';
import { type Command, type Step, valueOfVariable } from './step.ts';

/** What a plan depends on. */
export interface PlanOptions {
  readonly project: string;
  readonly region: string;
  /** Firestore database. */
  readonly database: string;
  readonly topics: Topics;
  readonly buckets: Buckets;
  /** Name of the secret that holds MongoDB's connection string. */
  readonly secret: string;
  /** Name of the secret with the addresses of the targets of alerts; null where no target is configured. */
  readonly alertTargetsSecret: string | null;
  /** Notification channels of Cloud Monitoring that new alert policies tell: `projects/…/notificationChannels/…`. */
  readonly notificationChannels: readonly string[];
  /** Names of the collections that a function watches. */
  readonly watched: readonly string[];
}

/** Every API that the functions, or this plan, call. */
const apis = [
  'artifactregistry.googleapis.com',
  'cloudbuild.googleapis.com',
  'cloudfunctions.googleapis.com',
  'cloudscheduler.googleapis.com',
  'eventarc.googleapis.com',
  'firestore.googleapis.com',
  'iam.googleapis.com',
  'identitytoolkit.googleapis.com',
  'logging.googleapis.com',
  'monitoring.googleapis.com',
  'pubsub.googleapis.com',
  'run.googleapis.com',
  'secretmanager.googleapis.com',
] as const;

/** How long topics and subscriptions keep messages. Events: long enough to seek back behind a bad release. Dead
 *  letters: as long as Pub/Sub can (31 days), for a person may be on holiday. Eventarc's own subscriptions keep them
 *  for 24 hours only, after which an event that could not be delivered is gone
 *  (https://cloud.google.com/eventarc/docs/retry-events): that must not stand. */
const retention: Readonly<Record<keyof Topics | 'documents', string>> = {
  events: '7d',
  deletions: '7d',
  deadLetters: '31d',
  requests: '1d',
  alerts: '1d',
  converged: '7d',
  documents: '7d',
};

/** Backoff between deliveries: the most that there can be are about 16 hours. The shortest is about a worker's lease,
 *  the longest what Pub/Sub allows. */
const retryDelays = { min: '10s', max: '600s' } as const;

/** How long a delivery may take before it counts as failed, in s; no less than the timeout of syncProject (540 s). */
const ackDeadlineSeconds = 600;

/** Everything that a deployment needs and `firebase deploy` does not do, in order. Steps that need deployed functions
 *  wait for them. Pure: it runs nothing. */
export function plan(options: PlanOptions): Step[] {
  const identities = identitiesWith(options.watched);
  return [
    enableApis(options),
    lookUpProjectNumber(options),
    ...ensureTopics(options),
    ensureSecret(options.secret, "Holds MongoDB's connection string.", options),
    ...(options.alertTargetsSecret === null
      ? []
      : [ensureSecret(options.alertTargetsSecret, 'Holds the addresses of the targets of alerts.', options)]),
    ...[...accounts(identities)].flatMap(([account, functions]) => ensureAccount(account, functions, options)),
    ...enableTtl(options),
    ...logMetrics.map((metric) => ensureMetric(metric, options)),
    ...alertPolicies.map((policy) => ensurePolicy(policy, options)),
    ...allowDeadLettering(options),
    ...identities.flatMap((identity) => finishTrigger(identity, options)),
  ];
}

function gcloud(options: PlanOptions, ...args: string[]): Command {
  return { argv: ['gcloud', ...args, `--project=${options.project}`] };
}

function enableApis(options: PlanOptions): Step {
  return {
    kind: 'run',
    title: 'Enable the APIs',
    why: 'Cloud Functions of the 2nd generation are built by Cloud Build, run on Cloud Run and are triggered through Eventarc.',
    command: gcloud(options, 'services', 'enable', ...apis),
  };
}

function lookUpProjectNumber(options: PlanOptions): Step {
  return {
    kind: 'lookup',
    title: 'The number of the project',
    why: "The names of Google's service agents are made from it.",
    variable: projectNumber,
    command: {
      argv: ['gcloud', 'projects', 'describe', options.project, '--format=value(projectNumber)'],
    },
  };
}

function ensureTopics(options: PlanOptions): Step[] {
  const reasons: Readonly<Record<keyof Topics, string>> = {
    events: 'The relay publishes here, syncProject reads.',
    deletions: 'The relay publishes deletions here, syncDeletions reads: they wait for no other event.',
    deadLetters: 'What could not be applied waits here and in syncFailures.',
    requests: 'A message here runs a reconciliation outside its schedule.',
    alerts: 'Alarms on their way to people: deliverAlert keeps them and calls the webhooks.',
    converged: 'syncProject and syncDeletions publish here what the assets of a project show, for others.',
  };
  return topicNames(options).map(([key, topic]) => ({
    kind: 'ensure',
    title: `Topic ${topic}`,
    why: `${reasons[key]} Messages are kept for ${retention[key]}, so that one can seek back.`,
    check: gcloud(options, 'pubsub', 'topics', 'describe', topic),
    create: gcloud(options, 'pubsub', 'topics', 'create', topic, `--message-retention-duration=${retention[key]}`),
    update: gcloud(options, 'pubsub', 'topics', 'update', topic, `--message-retention-duration=${retention[key]}`),
  }));
}

function topicNames({ topics }: PlanOptions): [keyof Topics, string][] {
  const names: [keyof Topics, string][] = [
    ['events', topics.events],
    ['deletions', topics.deletions],
    ['deadLetters', topics.deadLetters],
    ['requests', topics.requests],
    ['alerts', topics.alerts],
  ];
  return topics.converged === null ? names : [...names, ['converged', topics.converged]];
}

function ensureSecret(secret: string, holds: string, options: PlanOptions): Step {
  return {
    kind: 'ensure',
    title: `Secret ${secret}`,
    why: `${holds} It is made empty; set it with: firebase functions:secrets:set ${secret} --project ${options.project}`,
    check: gcloud(options, 'secrets', 'describe', secret),
    create: gcloud(options, 'secrets', 'create', secret, '--replication-policy=automatic'),
  };
}

/** A service account and its roles, each as narrow as the service allows. */
function ensureAccount(account: string, functions: readonly FunctionIdentity[], options: PlanOptions): Step[] {
  const email = accountEmail(account, options.project);
  const member = `--member=serviceAccount:${email}`;
  const names = functions.map(({ name }) => name).join(' and ');
  const steps: Step[] = [
    {
      kind: 'ensure',
      title: `Service account ${account}`,
      why: `${names} runs as this account instead of the project's default one, which may do almost anything.`,
      check: gcloud(options, 'iam', 'service-accounts', 'describe', email),
      create: gcloud(options, 'iam', 'service-accounts', 'create', account, `--display-name=Lockstep: ${names}`),
    },
  ];
  const grant = (title: string, why: string, command: Command) => {
    steps.push({ kind: 'run', title: `${account}: ${title}`, why, command, settles: true });
  };
  for (const [key, topic] of topicNames(options)) {
    const why = functions.map(({ publishesTo }) => publishesTo[key]).find((reason) => reason !== undefined);
    if (why === undefined) continue;
    grant(
      `may publish to ${topic}`,
      `It publishes ${why}. The right is on this topic only.`,
      gcloud(options, 'pubsub', 'topics', 'add-iam-policy-binding', topic, member, '--role=roles/pubsub.publisher'),
    );
  }
  const firestore = functions.find((identity) => identity.firestore !== null)?.firestore;
  if (firestore) {
    grant(
      'may read and write Firestore',
      `For ${firestore}. IAM knows no right on single collections; the condition keeps it to this database.`,
      projectRole(options, member, 'roles/datastore.user', databaseCondition(options)),
    );
  }
  for (const key of bucketKeys) {
    const bucket = options.buckets[key];
    const why = functions.map(({ buckets }) => buckets?.[key]).find((reason) => reason !== undefined);
    if (bucket === null || why === undefined) continue;
    const binding = ['storage', 'buckets', 'add-iam-policy-binding', `gs://${bucket}`, member];
    grant(
      `may use the objects of gs://${bucket}`,
      `For ${why}. The right is on this bucket only, which has to be there: gcloud storage buckets create.`,
      gcloud(options, ...binding, '--role=roles/storage.objectUser'),
    );
  }
  const users = functions.find((identity) => identity.users !== undefined)?.users;
  if (users) {
    grant('may look up users', `It asks ${users}.`, projectRole(options, member, 'roles/firebaseauth.viewer', 'None'));
  }
  const mongodb = functions.find((identity) => identity.mongodb !== null)?.mongodb;
  const mayRead = (secret: string, why: string) =>
    grant(
      `may read the secret ${secret}`,
      why,
      gcloud(options, 'secrets', 'add-iam-policy-binding', secret, member, '--role=roles/secretmanager.secretAccessor'),
    );
  if (mongodb) mayRead(options.secret, `MongoDB: ${mongodb}.`);
  if (options.alertTargetsSecret !== null && functions.some(({ subscribesTo }) => subscribesTo === 'alerts')) {
    mayRead(options.alertTargetsSecret, 'It calls the webhooks of the targets.');
  }
  if (functions.some(receivesEvents)) {
    grant(
      'may receive events',
      'Eventarc delivers the messages of a topic, or the writes of documents, in the name of this account.',
      projectRole(options, member, 'roles/eventarc.eventReceiver', 'None'),
    );
  }
  return steps;
}

const bucketKeys = ['archive', 'files'] as const satisfies readonly (keyof Buckets)[];

function projectRole(options: PlanOptions, member: string, role: string, condition: string): Command {
  return {
    argv: [
      'gcloud',
      'projects',
      'add-iam-policy-binding',
      options.project,
      member,
      `--role=${role}`,
      `--condition=${condition}`,
      '--format=none',
    ],
  };
}

/** https://cloud.google.com/firestore/docs/security/iam#iam_conditions */
function databaseCondition({ project, database }: PlanOptions): string {
  return `expression=resource.name == "projects/${project}/databases/${database}",title=lockstep-database`;
}

/** firestore.indexes.json says the same: this is for who deploys indexes by other means. */
function enableTtl(options: PlanOptions): Step[] {
  return recordIndexing.flatMap(({ collectionGroup, expires }): Step[] => {
    if (expires === undefined) return [];
    const policy = [
      `--collection-group=${collectionGroup}`,
      `--database=${options.database}`,
      '--enable-ttl',
      '--async',
    ];
    return [
      {
        kind: 'run',
        title: `Documents of ${collectionGroup} expire`,
        why: `What is over and done carries ${expires}; without a TTL policy it stays for ever.`,
        command: gcloud(options, 'firestore', 'fields', 'ttls', 'update', expires, ...policy),
      },
    ];
  });
}

function ensureMetric(metric: LogMetric, options: PlanOptions): Step {
  const { name, ...config } = metric;
  const withConfig = (verb: string): Command => ({
    ...gcloud(options, 'logging', 'metrics', verb, name, '--config-from-file=-'),
    stdin: JSON.stringify(config, null, 2),
  });
  return {
    kind: 'ensure',
    title: `Metric ${name}`,
    why: `${metric.description}. Computed from log lines, so the functions need no right to write metrics.`,
    check: gcloud(options, 'logging', 'metrics', 'describe', name),
    create: withConfig('create'),
    update: withConfig('update'),
  };
}

function ensurePolicy(policy: AlertPolicy, options: PlanOptions): Step {
  const { notificationChannels: channels } = options;
  const create = gcloud(
    options,
    'monitoring',
    'policies',
    'create',
    '--policy-from-file=-',
    ...(channels.length > 0 ? [`--notification-channels=${channels.join(',')}`] : []),
  );
  return {
    kind: 'ensure',
    title: `Alert "${policy.displayName}"`,
    why: `${policy.documentation.content} An alert that exists is left as it is: you may have tuned it.`,
    check: gcloud(
      options,
      'monitoring',
      'policies',
      'list',
      `--filter=displayName="${policy.displayName}"`,
      '--format=value(name)',
    ),
    create: { ...create, stdin: JSON.stringify(policy, null, 2) },
  };
}

/** Pub/Sub forwards a dead message as its own service agent, which needs to be let:
 *  https://cloud.google.com/pubsub/docs/handling-failures#grant_forwarding_permissions */
function allowDeadLettering(options: PlanOptions): Step[] {
  return [
    {
      kind: 'run',
      title: "Pub/Sub's service agent exists",
      why: 'A project that never had a subscription may not have it yet.',
      command: gcloud(options, 'beta', 'services', 'identity', 'create', '--service=pubsub.googleapis.com'),
    },
    {
      kind: 'run',
      title: `Pub/Sub may publish to ${options.topics.deadLetters}`,
      why: 'It forwards the messages that were delivered too often.',
      command: gcloud(
        options,
        'pubsub',
        'topics',
        'add-iam-policy-binding',
        options.topics.deadLetters,
        pubsubAgent,
        '--role=roles/pubsub.publisher',
      ),
      settles: true,
    },
  ];
}

const projectNumber = 'PROJECT_NUMBER';
const pubsubAgent = `--member=serviceAccount:service-${valueOfVariable(projectNumber)}@gcp-sa-pubsub.iam.gserviceaccount.com`;

/** What has to be done to the trigger that a deployment made for a function: only a deployed function has one. */
function finishTrigger(identity: FunctionIdentity, options: PlanOptions): Step[] {
  const { name, account, subscribesTo } = identity;
  if (!receivesEvents(identity)) return [];
  const prefix = screamingSnake(name);
  const [service, trigger, subscription] = [`${prefix}_SERVICE`, `${prefix}_TRIGGER`, `${prefix}_SUBSCRIPTION`];
  const waitsFor = `${name} is not deployed yet: run this again after "firebase deploy".`;
  const describe = (format: string) =>
    gcloud(options, 'functions', 'describe', name, `--region=${options.region}`, '--v2', `--format=value(${format})`);
  return [
    {
      kind: 'lookup',
      title: `The service of ${name}`,
      why: 'A function of the 2nd generation is a service of Cloud Run, and that is what is called.',
      variable: service,
      waitsFor,
      command: describe('serviceConfig.service'),
    },
    {
      kind: 'run',
      title: `${account} may call ${name}`,
      why: "The subscription pushes to the function in the account's name. The right is on this one service.",
      command: {
        argv: [
          'gcloud',
          'run',
          'services',
          'add-iam-policy-binding',
          valueOfVariable(service),
          `--member=serviceAccount:${accountEmail(account, options.project)}`,
          '--role=roles/run.invoker',
        ],
      },
      settles: true,
    },
    {
      kind: 'lookup',
      title: `The trigger of ${name}`,
      why: 'Eventarc chose its name when the function was deployed.',
      variable: trigger,
      waitsFor,
      command: describe('eventTrigger.trigger'),
    },
    {
      kind: 'lookup',
      title: `The subscription of ${name}`,
      why: 'Eventarc chose its name too, and `firebase deploy` cannot change its settings.',
      variable: subscription,
      waitsFor,
      command: {
        argv: [
          'gcloud',
          'eventarc',
          'triggers',
          'describe',
          valueOfVariable(trigger),
          '--format=value(transport.pubsub.subscription)',
        ],
      },
    },
    ...subscriptionSteps(name, subscribesTo ?? 'documents', valueOfVariable(subscription), options),
  ];
}

const withoutDeadLetters = {
  deadLetters: 'nothing stands behind the dead letters, so they are tried until they are kept.',
  alerts: 'a dead letter raises an alert, so an alert never becomes one.',
  documents: 'a write that could not be checked is found by a visit or a reconciliation.',
} as const;

function subscriptionSteps(
  name: string,
  subscribesTo: keyof typeof retention,
  subscription: string,
  options: PlanOptions,
): Step[] {
  const settings = [
    `--message-retention-duration=${retention[subscribesTo]}`,
    '--expiration-period=never',
    `--ack-deadline=${ackDeadlineSeconds}`,
    `--min-retry-delay=${retryDelays.min}`,
    `--max-retry-delay=${retryDelays.max}`,
  ];
  const why = `Eventarc keeps messages for 24 hours; here it is ${retention[subscribesTo]}. The deadline covers the longest invocation.`;
  // Nothing stands behind the dead letters: a dead-letter policy on them would only throw them away. And an alert that
  // became a dead letter would raise an alert.
  if (subscribesTo === 'deadLetters' || subscribesTo === 'alerts' || subscribesTo === 'documents') {
    return [
      {
        kind: 'run',
        title: `Retention and retries of ${name}`,
        why: `${why} There is no dead-letter policy: ${withoutDeadLetters[subscribesTo]}`,
        command: gcloud(options, 'pubsub', 'subscriptions', 'update', subscription, ...settings),
      },
    ];
  }
  return [
    {
      kind: 'run',
      title: `Pub/Sub may take messages from the subscription of ${name}`,
      why: 'Forwarding a dead message means acknowledging it here.',
      command: gcloud(
        options,
        'pubsub',
        'subscriptions',
        'add-iam-policy-binding',
        subscription,
        pubsubAgent,
        '--role=roles/pubsub.subscriber',
      ),
      settles: true,
    },
    {
      kind: 'run',
      title: `Retention, retries and dead letters of ${name}`,
      why: `${why} After ${maxDeliveryAttempts} deliveries Pub/Sub gives a message up: that catches what fails before our code runs.`,
      command: gcloud(
        options,
        'pubsub',
        'subscriptions',
        'update',
        subscription,
        ...settings,
        `--dead-letter-topic=projects/${options.project}/topics/${options.topics.deadLetters}`,
        `--max-delivery-attempts=${maxDeliveryAttempts}`,
      ),
    },
  ];
}

/** `syncProject` -> `SYNC_PROJECT`, `watch-storyboards` -> `WATCH_STORYBOARDS`. */
function screamingSnake(name: string): string {
  return name
    .replaceAll('-', '_')
    .replaceAll(/[A-Z]/g, (letter) => `_${letter}`)
    .toUpperCase();
}
