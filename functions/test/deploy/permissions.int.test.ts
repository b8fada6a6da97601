// Least privilege, exercised: every function does here all that it can do, each call is recorded with what IAM asks for
// it, and that is held against what provisioning grants. A missing right fails, and so does one that nothing uses.
import assert from 'node:assert/strict';
import { Firestore } from 'firebase-admin/firestore';
import { Change } from 'firebase-functions/v2/firestore';
import { ObjectId } from 'mongodb';
import { accountEmail, identitiesWith, type Topics } from '../../deploy/identities.ts';
import { plan } from '../../deploy/plan.ts';
import { writeAll } from '../../local/demo/writeAll.ts';
import { relayHasPlace } from '../../local/relayHasPlace.ts';
import type { Usage } from '../../local/servers/firestore/meter.ts';
import { createAlertingLog } from '../../src/alerts/alertingLog.ts';
import { encodeAlertMessage, raisedMessage } from '../../src/alerts/alertMessage.ts';
import { minuteMs } from '../../src/clock.ts';
import { recordCollections } from '../../src/config/defineConfig.ts';
import { encodeEvent } from '../../src/events/codec.ts';
import { encodeFilesRequest } from '../../src/events/requestedWork.ts';
import { writeRemoval } from '../../src/files/fileRecords.ts';
import type { Publisher } from '../../src/publisher.ts';
import { relayRecordRef } from '../../src/relay/relayRecord.ts';
import type { Bucket } from '../../src/storage/bucket.ts';
import { assetsPerPage } from '../../src/sync/pages/pageSize.ts';
import { createSyncWorker } from '../../src/sync/worker.ts';
import { deliverAlertFunction } from '../../src/triggers/deliverAlert.ts';
import { createOperationsApi } from '../../src/triggers/operations.ts';
import { reconcileAssetsFunction } from '../../src/triggers/reconcileAssets.ts';
import { reconcileOnRequestFunction } from '../../src/triggers/reconcileOnRequest.ts';
import { recordDeadLetterFunction } from '../../src/triggers/recordDeadLetter.ts';
import { relayProjectChangesFunction } from '../../src/triggers/relayProjectChanges.ts';
import { eventsPublisher, type Services } from '../../src/triggers/services.ts';
import { syncDeletionsFunction, syncProjectFunction } from '../../src/triggers/syncProject.ts';
import { watchAssetsFunctions } from '../../src/triggers/watchAssets.ts';
import { archive, asked } from '../archive/archived.ts';
import { writeOf } from '../lateWrites/writeOf.ts';
import { until } from '../support/until.ts';
import { setVariables } from '../support/variables.ts';
import { event, oneAtATime } from '../sync/worker.fixture.ts';
import {
  type ServicesFixture,
  startFunctionsTest,
  startServices,
  triggersConfig,
} from '../triggers/services.fixture.ts';
import { exampleOptions } from './exampleOptions.ts';

/** Of a deployment that notifies others of converged projects, and has cold storage. */
const converged = 'project-converged';
const options = {
  ...exampleOptions,
  topics: { ...exampleOptions.topics, converged },
  watched: ['media'],
  buckets: { archive: 'archive', files: 'files' },
};
const functionIdentities = identitiesWith(options.watched);

/** What IAM asks for a call (https://cloud.google.com/firestore/docs/security/iam#required_permissions). A commit asks
 *  for what its writes do; an update is asked for what a creation is, since neither here is known to be only one. */
const permissionsOfCalls: Readonly<Record<string, readonly string[]>> = {
  BatchGetDocuments: ['datastore.entities.get'],
  BeginTransaction: ['datastore.databases.get'],
  Commit: ['datastore.databases.get'],
  Rollback: ['datastore.databases.get'],
  RunAggregationQuery: ['datastore.entities.get', 'datastore.entities.list'],
  RunQuery: ['datastore.entities.get', 'datastore.entities.list'],
};

function permissionsOf({ rpcs, writes, deletes }: Usage): string[] {
  return [
    ...Object.keys(rpcs).flatMap((call) => permissionsOfCalls[call] ?? [`the permissions of ${call}`]),
    ...(writes > 0 ? ['datastore.entities.create', 'datastore.entities.update'] : []),
    ...(deletes > 0 ? ['datastore.entities.delete'] : []),
  ];
}

/** What the roles that are granted contain, as far as the functions could need it
 *  (https://cloud.google.com/iam/docs/roles-permissions). */
const permissionsOfRoles: Readonly<Record<string, readonly string[]>> = {
  'roles/datastore.user': [
    'datastore.databases.get',
    'datastore.entities.create',
    'datastore.entities.delete',
    'datastore.entities.get',
    'datastore.entities.list',
    'datastore.entities.update',
  ],
  'roles/pubsub.publisher': ['pubsub.topics.publish'],
  'roles/storage.objectUser': [
    'storage.objects.create',
    'storage.objects.delete',
    'storage.objects.get',
    'storage.objects.list',
  ],
  'roles/secretmanager.secretAccessor': ['secretmanager.versions.access'],
  'roles/eventarc.eventReceiver': ['eventarc.events.receiveEvent'],
  'roles/firebaseauth.viewer': ['firebaseauth.users.get'],
  'roles/run.invoker': ['run.routes.invoke'],
};

/** What a function was seen to do. */
interface Seen {
  readonly topics: Set<string>;
  /** Permissions, each on a bucket. */
  readonly buckets: Set<string>;
  mongodb: boolean;
  users: boolean;
}

const { topics } = options;
const topicKeys: readonly (keyof Topics)[] = ['events', 'deletions', 'deadLetters', 'requests', 'alerts', 'converged'];

/** A bucket that records what its calls ask IAM for
 *  (https://cloud.google.com/storage/docs/access-control/iam-json). */
function recordedBucket(bucket: Bucket, seen: Set<string>): Bucket {
  const asks = (what: 'create' | 'get' | 'delete' | 'list') =>
    seen.add(`storage.objects.${what} on gs://${bucket.name}`);
  return {
    ...bucket,
    saveIfAbsent(name, data) {
      asks('create');
      return bucket.saveIfAbsent(name, data);
    },
    read(name) {
      asks('get');
      return bucket.read(name);
    },
    exists(name) {
      asks('get');
      return bucket.exists(name);
    },
    delete(name) {
      asks('delete');
      return bucket.delete(name);
    },
    find(name) {
      asks('get');
      return bucket.find(name);
    },
    deleteVersion(name, generation) {
      asks('delete');
      return bucket.deleteVersion(name, generation);
    },
    list(listing) {
      asks('list');
      return bucket.list(listing);
    },
  };
}

describe('what the functions do, and what their accounts may do', () => {
  let fixture: ServicesFixture;
  let offline: ReturnType<typeof startFunctionsTest>;
  let restore: () => void;
  const clients: Firestore[] = [];
  const seen = new Map<string, Seen>();
  /** What was called and billed in Firestore, by function. */
  let usage: Readonly<Record<string, Usage>> = {};

  function seenOf(name: string): Seen {
    const record = seen.get(name) ?? { topics: new Set(), buckets: new Set(), mongodb: false, users: false };
    seen.set(name, record);
    return record;
  }

  /** The services of one function: what it does through them is recorded under its name. */
  function servicesOf(name: string, stopsAfterOnePage = false): Services {
    const controller = new AbortController();
    const record = seenOf(name);
    const firestore = new Firestore({
      projectId: 'demo-test',
      host: fixture.firestoreServer.host,
      ssl: false,
      customHeaders: { Authorization: `Bearer ${name}` },
    });
    clients.push(firestore);
    const publisher = async (topic: string): Promise<Publisher> => {
      const base = await fixture.services.publisher(topic);
      return {
        ...base,
        publish(message) {
          record.topics.add(topic);
          return base.publish(message);
        },
      };
    };
    const { log, ...alerts } = createAlertingLog({
      ...fixture.services,
      log: fixture.log,
      publisher: () => publisher(topics.alerts),
    });
    return {
      ...fixture.services,
      log,
      alerts,
      firestore: async () => firestore,
      bucket: async (bucket) => recordedBucket(await fixture.services.bucket(bucket), record.buckets),
      publisher,
      source() {
        record.mongodb = true;
        return fixture.services.source();
      },
      async sync() {
        const { worker: _, ...base } = await fixture.services.sync();
        const truth = {
          ask(projectIds: readonly string[]) {
            record.mongodb = true;
            return base.truth.ask(projectIds);
          },
        };
        const stop = () => controller.abort(new Error('the instance is asked to stop'));
        const dependencies = {
          ...base,
          log,
          ...(stopsAfterOnePage && { throttle: oneAtATime(stop) }),
          firestore,
          truth,
          events: await eventsPublisher({ publisher }),
          deadLetters: await publisher(topics.deadLetters),
        };
        return {
          ...dependencies,
          worker: createSyncWorker(dependencies),
          converged: await publisher(topics.converged),
        };
      },
      stopping: () => controller.signal,
    };
  }

  const message = (data: Buffer, attributes: Readonly<Record<string, string>> = {}) => ({
    data: { message: { data: data.toString('base64'), attributes } },
  });
  const json = (value: unknown) => message(Buffer.from(JSON.stringify(value)));

  before(async function () {
    this.timeout(60_000);
    offline = startFunctionsTest();
    restore = setVariables({ RECONCILE_GRACE_MINUTES: '0' });
    fixture = await startServices();
    const { firestore, source } = fixture;
    await relay();
    // Enough that no deletion is held.
    await source.projects.insertMany(Array.from({ length: 40 }, () => ({ _id: new ObjectId(), name: 'lives on' })));
    await synchronize('syncProject', syncProjectFunction);
    await synchronize('syncDeletions', syncDeletionsFunction);
    await offline.wrap(recordDeadLetterFunction(servicesOf('recordDeadLetter')))(message(Buffer.from('unreadable')));
    await reconcileAssetsFunction(servicesOf('reconcileAssets')).run({ scheduleTime: '' });
    await reconcile();
    await archiveAndBack();
    const alert = raisedMessage('brake', 'stopped', { brake: 'source-empty' }, { id: 'a1', count: 1, at: 0 });
    await offline.wrap(deliverAlertFunction(servicesOf('deliverAlert')))(message(encodeAlertMessage(alert).data));
    await decide();
    await writeLate();
    await removeFiles();
    usage = fixture.firestoreServer.meter.callers();

    /** An asset of a project that is gone. */
    async function writeLate(): Promise<void> {
      const projectId = String(new ObjectId());
      const deletion = encodeEvent(event('ProjectDeleted', projectId));
      await offline.wrap(syncProjectFunction(servicesOf('syncProject')))(message(deletion.data, deletion.attributes));
      const asset = firestore.doc('media/late');
      await asset.set({ projectId });
      const services = servicesOf('watch-media');
      const collections = services.config.collections.map((collection) => ({ ...collection, guard: true }));
      const { media } = watchAssetsFunctions({ ...services, config: { ...services.config, collections } });
      assert.ok(media);
      // The time of an idle MongoDB goes on every few seconds only.
      await source.projects.insertOne({ _id: new ObjectId(), name: 'later' });
      await media.run(writeOf(await asset.get()));
    }

    /** An asset whose file changes, and a file of a deleted one that nobody names. */
    async function removeFiles(): Promise<void> {
      const variables = setVariables({ FILES_BUCKET: 'files', FILES_PREFIX: 'media/', FILES_GRACE_MINUTES: '0' });
      const collections = triggersConfig.collections.map((collection) => ({ ...collection, files: ['image'] }));
      const withFiles = (name: string) => {
        const services = servicesOf(name);
        return { ...services, config: { ...services.config, collections } };
      };
      const { media } = watchAssetsFunctions(withFiles('watch-media'));
      assert.ok(media);
      const asset = firestore.doc('media/with-file');
      const before = await asset.get();
      await asset.set({ projectId: 'p1', image: 'media/named' });
      const after = await asset.get();
      await media.run({ ...writeOf(after), data: Change.fromObjects(before, after) });
      assert.equal((await firestore.collection(recordCollections.files).get()).size, 1);
      await asset.delete();
      const bucket = await fixture.services.bucket('files');
      await bucket.saveIfAbsent('media/old', Buffer.from('x'));
      await firestore.runTransaction(async (transaction) => {
        const [deletedAt, dueAt] = [Date.now() + minuteMs, Date.now()];
        writeRemoval(firestore, transaction, { projectId: 'p1', bucket: null, files: ['media/old'], deletedAt, dueAt });
      });
      const deliver = offline.wrap(reconcileOnRequestFunction(withFiles('reconcileOnRequest')));
      await deliver(message(encodeFilesRequest().data));
      variables();
      assert.equal(await bucket.exists('media/old'), false);
    }

    /** Shows records, and changes one. */
    async function decide(): Promise<void> {
      const services = servicesOf('operations');
      const record = seenOf('operations');
      const session = { actor: 'operator@example.com', role: 'operator', uid: 'operator' } as const;
      const api = await createOperationsApi(services, {
        async verify(_token, { forChange }) {
          if (forChange) record.users = true;
          return { kind: 'session', session };
        },
      });
      const dead = encodeEvent(event('ProjectUpdated', 'p3', { name: 'new' }));
      await offline.wrap(recordDeadLetterFunction(servicesOf('recordDeadLetter')))(
        message(dead.data, { ...dead.attributes, reason: 'attempts', error: 'test', attempts: '1' }),
      );
      const headers = { authorization: 'Bearer token', 'content-type': 'application/json' };
      const decide = (name: string, input: object) =>
        api(
          new Request(`http://localhost/api/operations/${name}`, {
            method: 'POST',
            headers,
            body: JSON.stringify({ input, reason: 'test' }),
          }),
        );
      const deletion = encodeEvent(event('ProjectDeleted', 'p4'));
      await offline.wrap(recordDeadLetterFunction(servicesOf('recordDeadLetter')))(
        message(deletion.data, { ...deletion.attributes, reason: 'attempts', error: 'test', attempts: '1' }),
      );
      const answers = [
        await api(new Request('http://localhost/api/now', { headers })),
        await decide('reconcile', { mode: 'report' }),
        await decide('redrive', { projectId: 'p3' }),
        await decide('redrive', { projectId: 'p4' }),
      ];
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200, 200, 200],
      );
    }

    /** Its first start, a change, and one that cannot become an event; then a start that is one too many without
     *  progress. */
    async function relay(): Promise<void> {
      const published = seenOf('relayProjectChanges').topics;
      await whileRelayed(async () => {
        await until(() => relayHasPlace(firestore));
        await source.projects.insertOne({ _id: new ObjectId(), name: 'new' });
        await source.projects.insertOne({ _id: 'not/an/id', name: 'x' });
        await source.projects.deleteOne({ name: 'new' });
        await until(() =>
          [topics.events, topics.deletions, topics.deadLetters, topics.requests].every((topic) => published.has(topic)),
        );
      });
      await relayRecordRef(firestore, fixture.services.config.source).update({ runsWithoutProgress: 10 });
      await whileRelayed(() => until(() => published.has(topics.alerts)));
    }

    async function whileRelayed(happens: () => Promise<void>): Promise<void> {
      const stop = new AbortController();
      const services = { ...servicesOf('relayProjectChanges'), stopping: () => stop.signal };
      const running = Promise.resolve(relayProjectChangesFunction(services).run({ scheduleTime: '' }));
      await happens();
      stop.abort(new Error('the instance is asked to stop'));
      await running;
    }

    async function assetsOf(projectId: string) {
      return (await firestore.collection('media').where('projectId', '==', projectId).get()).docs;
    }

    async function moreThanAPage(projectId: string): Promise<void> {
      await writeAll(
        firestore,
        Array.from({ length: assetsPerPage + 1 }, (_, index) => [`media/${projectId}-${index}`, { projectId }]),
      );
    }

    /** A rename, a deletion, an event that cannot be read, a record that cannot be read, and work that continues in
     *  another invocation. */
    async function synchronize(name: string, functionOf: typeof syncProjectFunction): Promise<void> {
      const deliver = offline.wrap(functionOf(servicesOf(name)));
      const [p1, p2, p3] = [`${name}-1`, `${name}-2`, `${name}-3`];
      await firestore.doc(`media/${name}`).set({ projectId: p1, projectName: 'old' });
      const send = (encoded: ReturnType<typeof encodeEvent>) => deliver(message(encoded.data, encoded.attributes));
      await send(encodeEvent(event('ProjectUpdated', p1, { name: 'new' })));
      await send(encodeEvent(event('ProjectDeleted', p1)));
      await deliver(message(Buffer.from('unreadable')));
      await firestore.collection(recordCollections.projects).doc('damaged').set({ desired: 'damaged' });
      await send(encodeEvent(event('ProjectDeleted', 'damaged')));
      await firestore.collection(recordCollections.projects).doc('damaged').delete();
      for (const unfinished of [event('ProjectUpdated', p2, { name: 'new' }), event('ProjectDeleted', p3)]) {
        await moreThanAPage(unfinished.projectId);
        const { data, attributes } = encodeEvent(unfinished);
        await offline.wrap(functionOf(servicesOf(name, true)))(message(data, attributes));
      }
    }

    /** A sweep that moves a page to cold storage, and a purge of it. */
    async function archiveAndBack(): Promise<void> {
      await archive(firestore, { projectId: 'p9', collection: 'media', documents: { 'media/x': { projectId: 'p9' } } });
      const variables = setVariables({ ARCHIVE_BUCKET: 'archive', ARCHIVE_COLD_DAYS: '0' });
      const deliver = offline.wrap(reconcileOnRequestFunction(servicesOf('reconcileOnRequest')));
      await deliver(json({ archiveJob: 'retention' }));
      const { id } = await asked(firestore, Date.now(), { type: 'purge', projectId: 'p9' });
      await deliver(json({ archiveJob: id }));
      variables();
      assert.equal((await firestore.collection(recordCollections.archive).get()).size, 0);
    }

    /** A brake, a stale copy, an orphan, an asset that refuses its write, and runs that are stopped in the middle
     *  of either repair. */
    async function reconcile(): Promise<void> {
      const name = 'longer than what there is room for '.repeat(20);
      const project = new ObjectId();
      await source.projects.deleteMany({});
      await offline.wrap(reconcileOnRequestFunction(servicesOf('reconcileOnRequest')))(json({ mode: 'clean' }));
      await source.projects.insertOne({ _id: project, name });
      // Enough projects with assets that what is deleted here is far within the limits of mass deletions: those are
      // limits of the projects whose assets were looked at.
      const living = Array.from({ length: 40 }, () => ({ _id: new ObjectId(), name: 'lives on' }));
      await source.projects.insertMany(living);
      await writeAll(
        firestore,
        living.map(({ _id, name: projectName }) => [`media/${_id}`, { projectId: String(_id), projectName }]),
      );
      await firestore
        .doc('media/full')
        .set({ projectId: String(project), projectName: '', body: 'x'.repeat(1_048_000) });
      const run = (services: Services) =>
        offline.wrap(reconcileOnRequestFunction(services))(json({ mode: 'clean', reason: 'test' }));
      // It reports what it could not repair, and asks to be called again for that.
      await run(servicesOf('reconcileOnRequest')).catch((error: unknown) =>
        assert.match(String(error), /ReconciliationNotDone/),
      );
      await firestore.doc('media/full').delete();
      const renamed = String(living[0]?._id);
      await moreThanAPage(renamed);
      const stopped = offline.wrap(reconcileOnRequestFunction(servicesOf('reconcileOnRequest', true)));
      await stopped(json({ mode: 'clean', reason: 'test', projectIds: [renamed] }));
      await Promise.all((await assetsOf(renamed)).map((asset) => asset.ref.delete()));
      await moreThanAPage(String(new ObjectId()));
      await run(servicesOf('reconcileOnRequest', true));
      // Less than a run keeps for its own ending: it asks for its continuation at once.
      const unlimited = setVariables({ RECONCILE_BUDGET_SECONDS: '1' });
      await run(servicesOf('reconcileOnRequest')).finally(unlimited);
    }
  });

  after(async () => {
    restore();
    offline.cleanup();
    await Promise.all(clients.map((client) => client.terminate()));
    await fixture.close();
  });

  for (const identity of functionIdentities) {
    it(`${identity.name}: publishes, reads and asks what its identity says, no more and no less`, () => {
      const did = seen.get(identity.name);
      assert.ok(did);
      const published = topicKeys.filter((key) => did.topics.has(topics[key]));
      assert.deepEqual(
        published,
        topicKeys.filter((key) => key in identity.publishesTo),
      );
      assert.equal(usage[identity.name] !== undefined, identity.firestore !== null, 'Firestore');
      assert.equal(did.mongodb, identity.mongodb !== null, 'MongoDB');
      assert.equal(did.users, identity.users !== undefined, 'users');
    });
  }

  /** What the functions of an account used: a permission, and on what. */
  function used(account: string): Set<string> {
    return new Set(
      functionIdentities
        .filter((identity) => identity.account === account)
        .flatMap(({ name, subscribesTo, watches }) => [
          ...Object.entries(usage).flatMap(([caller, ofCaller]) => (caller === name ? permissionsOf(ofCaller) : [])),
          ...[...(seen.get(name)?.topics ?? [])].map((topic) => `pubsub.topics.publish on ${topic}`),
          ...(seen.get(name)?.buckets ?? []),
          ...(seen.get(name)?.users ? ['firebaseauth.users.get'] : []),
          ...(seen.get(name)?.mongodb ? ['secretmanager.versions.access'] : []),
          // Eventarc and Pub/Sub call the function in its account's name.
          ...(subscribesTo === null && !watches ? [] : ['eventarc.events.receiveEvent', 'run.routes.invoke']),
        ]),
    );
  }

  /** What provisioning grants to an account, role by role. */
  function granted(account: string): { readonly role: string; readonly permissions: readonly string[] }[] {
    const member = `--member=serviceAccount:${accountEmail(account, options.project)}`;
    return plan(options).flatMap((step) => {
      if (step.kind !== 'run' || !step.command.argv.includes(member)) return [];
      const { argv } = step.command;
      const role = argv.find((arg) => arg.startsWith('--role='))?.slice('--role='.length) ?? '';
      const on = argv[1] === 'pubsub' || argv[1] === 'storage' ? ` on ${argv[4]}` : '';
      const permissions = permissionsOfRoles[role];
      assert.ok(permissions, `${role} is in no table`);
      return [{ role: `${role}${on}`, permissions: permissions.map((permission) => `${permission}${on}`) }];
    });
  }

  for (const account of new Set(functionIdentities.map((identity) => identity.account))) {
    it(`${account}: has every right that its functions used`, () => {
      const rights = new Set(granted(account).flatMap(({ permissions }) => permissions));
      assert.deepEqual(
        [...used(account)].filter((permission) => !rights.has(permission)),
        [],
      );
    });

    it(`${account}: has no role of which they used nothing`, () => {
      const needed = used(account);
      const unused = granted(account).filter(
        ({ permissions }) => !permissions.some((permission) => needed.has(permission)),
      );
      assert.deepEqual(
        unused.map(({ role }) => role),
        [],
      );
    });
  }
});
