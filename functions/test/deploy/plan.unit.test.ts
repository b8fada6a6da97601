// The provisioning plan: attacks "least roles", "only who has to publishes events" and "every alarm has an alert".
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { accountEmail, functionIdentities } from '../../deploy/identities.ts';
import { plan } from '../../deploy/plan.ts';
import { renderScript } from '../../deploy/shell.ts';
import { type Command, type Step, valueOfVariable, variablesOf } from '../../deploy/step.ts';
import { exampleOptions as options } from './exampleOptions.ts';

const steps = plan(options);

function commandsOf(step: Step): Command[] {
  return step.kind === 'ensure' ? [step.check, step.create, ...(step.update ? [step.update] : [])] : [step.command];
}

const lines = steps.flatMap(commandsOf).map(({ argv }) => argv.join(' '));

/** The value of `--flag=value` in a command. */
const flag = (argv: readonly string[], name: string) =>
  argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);

/** Every right that the plan grants: who, what, on what. */
const grants = steps.flatMap(commandsOf).flatMap(({ argv }) => {
  if (!argv.includes('add-iam-policy-binding')) return [];
  const at = argv.indexOf('add-iam-policy-binding');
  return [
    {
      member: flag(argv, 'member')?.replace('serviceAccount:', '') ?? '',
      role: flag(argv, 'role') ?? '',
      on: `${argv.slice(1, at).join(' ')} ${argv[at + 1]}`,
    },
  ];
});

const rolesOf = (account: string) =>
  grants
    .filter(({ member }) => member === accountEmail(account, options.project))
    .map(({ role, on }) => `${role} on ${on}`)
    .sort();

const pubsubAgent = `service-${valueOfVariable('PROJECT_NUMBER')}@gcp-sa-pubsub.iam.gserviceaccount.com`;

describe('provisioning plan: roles', () => {
  it('relay: publishes to all topics, reads and writes Firestore, reads the connection string', () => {
    assert.deepEqual(rolesOf('lockstep-relay'), [
      'roles/datastore.user on projects acme-films',
      'roles/pubsub.publisher on pubsub topics project-deletions',
      'roles/pubsub.publisher on pubsub topics project-events',
      'roles/pubsub.publisher on pubsub topics project-events-dead-letter',
      'roles/pubsub.publisher on pubsub topics reconciliation-requests',
      'roles/pubsub.publisher on pubsub topics sync-alerts',
      'roles/secretmanager.secretAccessor on secrets MONGODB_URI',
    ]);
  });

  it('the work on events: publishes continuations and dead letters, and is called by its two subscriptions', () => {
    assert.deepEqual(rolesOf('lockstep-sync'), [
      'roles/datastore.user on projects acme-films',
      'roles/eventarc.eventReceiver on projects acme-films',
      'roles/pubsub.publisher on pubsub topics project-deletions',
      'roles/pubsub.publisher on pubsub topics project-events',
      'roles/pubsub.publisher on pubsub topics project-events-dead-letter',
      'roles/pubsub.publisher on pubsub topics sync-alerts',
      `roles/run.invoker on run services ${valueOfVariable('SYNC_DELETIONS_SERVICE')}`,
      `roles/run.invoker on run services ${valueOfVariable('SYNC_PROJECT_SERVICE')}`,
      'roles/secretmanager.secretAccessor on secrets MONGODB_URI',
    ]);
  });

  it('recordDeadLetter: never sees the connection string and publishes alerts only', () => {
    assert.deepEqual(rolesOf('lockstep-dead-letter'), [
      'roles/datastore.user on projects acme-films',
      'roles/eventarc.eventReceiver on projects acme-films',
      'roles/pubsub.publisher on pubsub topics sync-alerts',
      `roles/run.invoker on run services ${valueOfVariable('RECORD_DEAD_LETTER_SERVICE')}`,
    ]);
  });

  it('the reconciliation: publishes the rest of what it could not finish, of itself and of a repair', () => {
    assert.deepEqual(rolesOf('lockstep-reconcile'), [
      'roles/datastore.user on projects acme-films',
      'roles/eventarc.eventReceiver on projects acme-films',
      'roles/pubsub.publisher on pubsub topics project-deletions',
      'roles/pubsub.publisher on pubsub topics project-events',
      'roles/pubsub.publisher on pubsub topics project-events-dead-letter',
      'roles/pubsub.publisher on pubsub topics reconciliation-requests',
      'roles/pubsub.publisher on pubsub topics sync-alerts',
      `roles/run.invoker on run services ${valueOfVariable('RECONCILE_ON_REQUEST_SERVICE')}`,
      'roles/secretmanager.secretAccessor on secrets MONGODB_URI',
    ]);
  });

  it('alerts: publishes nothing, and reads the addresses of targets only where there are some', () => {
    const roles = [
      'roles/datastore.user on projects acme-films',
      'roles/eventarc.eventReceiver on projects acme-films',
      `roles/run.invoker on run services ${valueOfVariable('DELIVER_ALERT_SERVICE')}`,
    ];
    assert.deepEqual(rolesOf('lockstep-alerts'), roles);
    const secrets = plan({ ...options, alertTargetsSecret: 'ALERT_TARGETS' })
      .flatMap(commandsOf)
      .filter(({ argv }) => argv[1] === 'secrets' && argv.includes('ALERT_TARGETS'))
      .map(({ argv }) => [argv[2], flag(argv, 'member')]);
    assert.deepEqual(secrets, [
      ['describe', undefined],
      ['create', undefined],
      ['add-iam-policy-binding', `serviceAccount:${accountEmail('lockstep-alerts', options.project)}`],
    ]);
  });

  it('what watches collections: one account, and each function is called by its own subscription', () => {
    const watching = plan({ ...options, watched: ['storyboards', 'tenantsMedia'] });
    const commands = watching.flatMap(commandsOf).map(({ argv }) => argv);
    const account = `serviceAccount:${accountEmail('lockstep-watch', options.project)}`;
    const granted = commands.filter((argv) => flag(argv, 'member') === account).map((argv) => flag(argv, 'role'));
    assert.deepEqual(granted.sort(), [
      'roles/datastore.user',
      'roles/eventarc.eventReceiver',
      'roles/pubsub.publisher',
      'roles/run.invoker',
      'roles/run.invoker',
      'roles/secretmanager.secretAccessor',
    ]);
    const described = commands.filter((argv) => argv.includes('describe') && argv.includes('watch-tenantsMedia'));
    assert.equal(described.length, 2);
    const updates = commands.filter((argv) => argv.slice(1, 4).join(' ') === 'pubsub subscriptions update');
    const own = updates.find((argv) => argv[4] === valueOfVariable('WATCH_TENANTS_MEDIA_SUBSCRIPTION')) ?? [];
    assert.equal(flag(own, 'message-retention-duration'), '7d');
    assert.equal(flag(own, 'dead-letter-topic'), undefined);
  });

  it('the API: never sees the connection string, looks up users', () => {
    assert.deepEqual(rolesOf('lockstep-operations'), [
      'roles/datastore.user on projects acme-films',
      'roles/firebaseauth.viewer on projects acme-films',
      'roles/pubsub.publisher on pubsub topics project-deletions',
      'roles/pubsub.publisher on pubsub topics project-events',
      'roles/pubsub.publisher on pubsub topics reconciliation-requests',
    ]);
  });

  it('nobody publishes events but the relay, who hands over unfinished work on one, and who carries out decisions', () => {
    const publishers = grants.filter(
      ({ role, on }) => role === 'roles/pubsub.publisher' && on.endsWith(' project-events'),
    );
    assert.deepEqual(publishers.map(({ member }) => member).sort(), [
      accountEmail('lockstep-operations', options.project),
      accountEmail('lockstep-reconcile', options.project),
      accountEmail('lockstep-relay', options.project),
      accountEmail('lockstep-sync', options.project),
    ]);
  });

  it('nobody gets a role that is not listed here, and Pub/Sub’s agent only what forwarding needs', () => {
    const known = [
      'roles/datastore.user',
      'roles/eventarc.eventReceiver',
      'roles/firebaseauth.viewer',
      'roles/pubsub.publisher',
      'roles/pubsub.subscriber',
      'roles/run.invoker',
      'roles/secretmanager.secretAccessor',
    ];
    for (const { role } of grants) assert.ok(known.includes(role), role);
    const agents = grants.filter(({ member }) => member === pubsubAgent).map(({ role, on }) => `${role} on ${on}`);
    assert.deepEqual(agents.sort(), [
      'roles/pubsub.publisher on pubsub topics project-events-dead-letter',
      `roles/pubsub.subscriber on pubsub subscriptions ${valueOfVariable('RECONCILE_ON_REQUEST_SUBSCRIPTION')}`,
      `roles/pubsub.subscriber on pubsub subscriptions ${valueOfVariable('SYNC_DELETIONS_SUBSCRIPTION')}`,
      `roles/pubsub.subscriber on pubsub subscriptions ${valueOfVariable('SYNC_PROJECT_SUBSCRIPTION')}`,
    ]);
  });

  it('Firestore is granted on one database only', () => {
    const conditions = steps
      .flatMap(commandsOf)
      .filter(({ argv }) => argv.includes('--role=roles/datastore.user'))
      .map(({ argv }) => flag(argv, 'condition'));
    assert.equal(conditions.length, 6);
    for (const condition of conditions) {
      assert.equal(
        condition,
        'expression=resource.name == "projects/acme-films/databases/(default)",title=lockstep-database',
      );
    }
  });
});

describe('provisioning plan: topics and subscriptions', () => {
  it('makes five topics that keep their messages', () => {
    for (const line of [
      'gcloud pubsub topics create project-events --message-retention-duration=7d --project=acme-films',
      'gcloud pubsub topics create project-deletions --message-retention-duration=7d --project=acme-films',
      'gcloud pubsub topics create project-events-dead-letter --message-retention-duration=31d --project=acme-films',
      'gcloud pubsub topics create reconciliation-requests --message-retention-duration=1d --project=acme-films',
      'gcloud pubsub topics create sync-alerts --message-retention-duration=1d --project=acme-films',
    ]) {
      assert.ok(lines.includes(line), line);
      assert.ok(lines.includes(line.replace(' create ', ' update ')), `${line}, as an update`);
    }
  });

  it('makes a topic of converged projects, to which only the work on events publishes, where one is configured', () => {
    assert.ok(!lines.some((line) => line.includes('project-converged')));
    const topics = { ...options.topics, converged: 'project-converged' };
    const added = plan({ ...options, topics })
      .flatMap(commandsOf)
      .map(({ argv }) => argv.join(' '))
      .filter((line) => !lines.includes(line));
    assert.deepEqual(added, [
      'gcloud pubsub topics describe project-converged --project=acme-films',
      'gcloud pubsub topics create project-converged --message-retention-duration=7d --project=acme-films',
      'gcloud pubsub topics update project-converged --message-retention-duration=7d --project=acme-films',
      'gcloud pubsub topics add-iam-policy-binding project-converged --member=serviceAccount:lockstep-sync@acme-films.iam.gserviceaccount.com --role=roles/pubsub.publisher --project=acme-films',
    ]);
  });

  it('lengthens the 24 hours of the subscriptions, and catches what cannot be delivered', () => {
    const updates = steps
      .flatMap(commandsOf)
      .filter(({ argv }) => argv.slice(1, 4).join(' ') === 'pubsub subscriptions update');
    const of = (name: string) => updates.find(({ argv }) => argv[4]?.includes(name))?.argv ?? [];
    assert.equal(updates.length, 5);
    for (const sync of [of('SYNC_PROJECT'), of('SYNC_DELETIONS')]) {
      assert.equal(flag(sync, 'message-retention-duration'), '7d');
      assert.equal(flag(sync, 'dead-letter-topic'), 'projects/acme-films/topics/project-events-dead-letter');
      assert.equal(flag(sync, 'max-delivery-attempts'), '100');
      assert.equal(flag(sync, 'ack-deadline'), '600');
      assert.deepEqual([flag(sync, 'min-retry-delay'), flag(sync, 'max-retry-delay')], ['10s', '600s']);
    }
    const dead = of('RECORD_DEAD_LETTER');
    assert.equal(flag(dead, 'message-retention-duration'), '31d');
    // Nor do alerts become dead letters, which raise alerts.
    for (const argv of [dead, of('DELIVER_ALERT')]) assert.equal(flag(argv, 'dead-letter-topic'), undefined);
    for (const { argv } of updates) assert.equal(flag(argv, 'expiration-period'), 'never');
  });
});

describe('provisioning plan: alerts', () => {
  const policies = steps.filter((step) => step.title.startsWith('Alert '));

  it('has one for every alarm of src/log.ts, for relay lag and for a reconciliation that is overdue', () => {
    const alarms = readFileSync(new URL('../../src/log.ts', import.meta.url), 'utf8');
    const names = [...(alarms.split('export type LogFields')[0] ?? '').matchAll(/\| '([a-z-]+)'/g)].map(
      ([, name]) => name,
    );
    assert.ok(names.length >= 8);
    assert.deepEqual(
      policies.map(({ title }) => title).sort(),
      [...names, 'the relay is behind', 'the reconciliation is overdue']
        .map((name) => `Alert "Lockstep: ${name}"`)
        .sort(),
    );
  });

  it('describes alerts and metrics in JSON, and tells the channels that were asked for', () => {
    const channel = 'projects/acme-films/notificationChannels/7';
    const told = plan({ ...options, notificationChannels: [channel] }).filter(({ title }) =>
      title.startsWith('Alert '),
    );
    for (const step of [...policies, ...told]) {
      assert.equal(step.kind, 'ensure');
      const [, create] = commandsOf(step);
      assert.ok(typeof JSON.parse(create?.stdin ?? '').displayName === 'string');
    }
    for (const step of told) assert.equal(flag(commandsOf(step)[1]?.argv ?? [], 'notification-channels'), channel);
  });

  it('the lag alert fires above two minutes, and when no relay says anything', () => {
    const step = policies.find(({ title }) => title.includes('relay is behind'));
    const { conditions } = JSON.parse((step && commandsOf(step)[1]?.stdin) ?? '');
    assert.equal(conditions[0].conditionThreshold.thresholdValue, 120_000);
    assert.equal(conditions[1].conditionAbsent.duration, '300s');
  });
});

describe('provisioning plan: order', () => {
  it('looks every value up before it is used', () => {
    const known = new Set<string>();
    for (const step of steps) {
      for (const variable of variablesOf(step)) assert.ok(known.has(variable), `${step.title} needs ${variable}`);
      if (step.kind === 'lookup') known.add(step.variable);
    }
  });

  it('makes a thing before it grants rights on it', () => {
    const position = (part: string) => lines.findIndex((line) => line.includes(part));
    assert.ok(position('services enable') === 0);
    assert.ok(position('topics create project-events ') < position('topics add-iam-policy-binding project-events '));
    assert.ok(position('secrets create MONGODB_URI') < position('secrets add-iam-policy-binding MONGODB_URI'));
    for (const { account } of functionIdentities) {
      assert.ok(
        position(`service-accounts create ${account} `) < position(`--member=serviceAccount:${account}@`),
        account,
      );
    }
  });

  it('what a reviewer reads: the lines that matter, as they are printed', () => {
    const script = renderScript(steps);
    for (const expected of [
      'gcloud services enable artifactregistry.googleapis.com cloudbuild.googleapis.com',
      'PROJECT_NUMBER="$(gcloud projects describe acme-films \'--format=value(projectNumber)\')"',
      'if exists gcloud pubsub topics describe project-events --project=acme-films; then',
      'settled gcloud pubsub topics add-iam-policy-binding project-events --member=serviceAccount:lockstep-relay@acme-films.iam.gserviceaccount.com --role=roles/pubsub.publisher --project=acme-films',
      '\'--condition=expression=resource.name == "projects/acme-films/databases/(default)",title=lockstep-database\'',
      "gcloud firestore fields ttls update expireAt --collection-group=syncJobs '--database=(default)' --enable-ttl --async --project=acme-films",
      "gcloud firestore fields ttls update expireAt --collection-group=syncProjects '--database=(default)' --enable-ttl --async --project=acme-films",
      `"--member=serviceAccount:service-${valueOfVariable('PROJECT_NUMBER')}@gcp-sa-pubsub.iam.gserviceaccount.com"`,
      `SYNC_PROJECT_SUBSCRIPTION="$(ask gcloud eventarc triggers describe "${valueOfVariable('SYNC_PROJECT_TRIGGER')}" '--format=value(transport.pubsub.subscription)')"`,
      '# Eventarc keeps messages for 24 hours; here it is 7d.',
    ]) {
      assert.ok(script.includes(expected), `the script lacks: ${expected}`);
    }
  });

  it('gives every step a title and a reason', () => {
    for (const step of steps) {
      assert.ok(step.title.length > 3);
      assert.ok(step.why.length > 15, `${step.title}: ${step.why}`);
    }
    assert.equal(new Set(steps.map(({ title }) => title)).size, steps.length, 'two steps have the same title');
  });
});
