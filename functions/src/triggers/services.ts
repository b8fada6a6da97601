import { randomUUID } from 'node:crypto';
import type { App } from 'firebase-admin/app';
import type { Firestore } from 'firebase-admin/firestore';
import { type AlertingLog, createAlertingLog } from '../alerts/alertingLog.ts';
import type { OutboxTopic } from '../audit/trace.ts';
import { type Clock, dayMs, secondMs, systemClock } from '../clock.ts';
import { cloudLog } from '../cloudLog.ts';
import type { Config } from '../config/defineConfig.ts';
import * as params from '../config/params.ts';
import { createEventsPublisher } from '../eventsPublisher.ts';
import { deployedFileSettings } from '../files/deployedFiles.ts';
import { deployedHoldLimits } from '../holds/limits.ts';
import type { Log } from '../log.ts';
import type { PublisherTo } from '../operations/outbox.ts';
import type { Publisher } from '../publisher.ts';
import type { ProjectsSource } from '../source/connect.ts';
import type { ProjectTruth } from '../source/truth.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { SyncDependencies } from '../sync/dependencies.ts';
import type { SyncWorker } from '../sync/worker.ts';

/** What the functions of one process share. Everything is made at its first use, and the code for it loaded then: a
 *  function starts without what only others need, and loading the bundle does no input or output. */
export interface Services {
  readonly config: Config;
  readonly clock: Clock;
  /** Its alarms are alerts, too. */
  readonly log: Log;
  readonly alerts: Omit<AlertingLog, 'log'>;
  readonly random: () => number;
  readonly uniqueId: () => string;
  firestore(): Promise<Firestore>;
  /** The connected collection of projects. A failed connection is tried anew by the next call.
   *  @throws SourceError */
  source(): Promise<ProjectsSource>;
  /** Opens a bucket of Cloud Storage. */
  bucket(name: string): Promise<Bucket>;
  /** Publisher to a topic by its name. */
  publisher(topic: string): Promise<Publisher>;
  /** The work on events, with what it works with; `converged` is null where nobody is to be notified. */
  sync(): Promise<SyncDependencies & { readonly worker: SyncWorker; readonly converged: Publisher | null }>;
  /** Aborted when the instance is asked to stop (SIGTERM): work then keeps its progress and ends. */
  stopping(): AbortSignal;
}

/** What `initializeApp` calls an app that is given no name. */
const defaultApp = '[DEFAULT]';

/** The services of a process that runs functions, from the deployment's parameters and the usual variables. */
export function createServices(config: Config): Services {
  const { log, ...alerts } = createAlertingLog({
    log: cloudLog,
    clock: systemClock,
    uniqueId: randomUUID,
    publisher: () => publisher(params.alertsTopic.value()),
  });
  const shared = { config, clock: systemClock, log, random: Math.random, uniqueId: randomUUID };

  async function app(): Promise<App> {
    const { getApps, initializeApp } = await import('firebase-admin/app');
    // For the documents of its triggers, firebase-functions makes an app of its own.
    return getApps().find(({ name }) => name === defaultApp) ?? initializeApp();
  }
  const firestore = once(async () => {
    const [theApp, { getFirestore }] = await Promise.all([app(), import('firebase-admin/firestore')]);
    return getFirestore(theApp, params.firestoreDatabase.value());
  });

  async function bucket(name: string): Promise<Bucket> {
    const { openBucket } = await import('../storage/bucket.ts');
    return openBucket(await app(), name, systemClock);
  }

  const source = once(async () => {
    const { connectSource } = await import('../source/connect.ts');
    return connectSource(params.mongodbUri.value(), config);
  });

  const publishers = new Map<string, Promise<Publisher>>();
  const pubsub = once(async () => (await import('../publisher.ts')).createPubSub(process.env.GCLOUD_PROJECT));
  async function createPublisher(topic: string): Promise<Publisher> {
    const module = await import('../publisher.ts');
    return module.createPublisher(await pubsub(), topic);
  }
  function publisher(topic: string): Promise<Publisher> {
    const known = publishers.get(topic) ?? createPublisher(topic);
    publishers.set(topic, known);
    return known;
  }

  const control = once(async () => {
    const { createControlReader } = await import('../control/control.ts');
    return createControlReader(await firestore(), systemClock);
  });

  const sync = once(async () => {
    const [{ createSyncWorker }, { createThrottle }, { createSyncMemory }, { defaultSyncLimits }] = await Promise.all([
      import('../sync/worker.ts'),
      import('../sync/pages/throttle.ts'),
      import('../sync/memory/memory.ts'),
      import('../sync/limits.ts'),
    ]);
    const dependencies: SyncDependencies = {
      ...shared,
      firestore: await firestore(),
      truth: projectTruth({ config, source }),
      async countProjects() {
        const { estimateProjects } = await import('../source/estimateProjects.ts');
        return estimateProjects(await source());
      },
      control: await control(),
      events: await eventsPublisher({ publisher }),
      deadLetters: await publisher(params.deadLetterTopic.value()),
      files: deployedFileSettings(config),
      limits: {
        ...defaultSyncLimits,
        maxAttempts: params.syncMaxAttempts.value(),
        leaseMs: params.syncLeaseSeconds.value() * secondMs,
        jobRetentionMs: params.jobRetentionDays.value() * dayMs,
        isShadow: params.syncMode.value() === 'shadow',
        historyMs: params.historyDays.value() * dayMs,
        hold: deployedHoldLimits(),
      },
      throttle: createThrottle(),
      memory: createSyncMemory(),
    };
    const converged = config.converged ? await publisher(params.convergedTopic.value()) : null;
    return { ...dependencies, worker: createSyncWorker(dependencies), converged };
  });

  let controller: AbortController | undefined;
  function stopping(): AbortSignal {
    if (controller === undefined) {
      const created = new AbortController();
      // Whoever listens for SIGTERM has to end the process. In the cloud Google's server around the functions does; in
      // Firebase's emulator nobody does, and a process that listened would outlive the emulator.
      if (process.env.FUNCTIONS_EMULATOR !== 'true') {
        process.once('SIGTERM', () => created.abort(new Error('the instance is asked to stop')));
      }
      controller = created;
    }
    return controller.signal;
  }

  return { ...shared, alerts, firestore, bucket, source, publisher, sync, stopping };
}

/** Makes a value at the first call and returns the same one ever after; what failed is tried anew by the next call. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** What MongoDB says, which is connected to only when the first question comes. */
export function projectTruth({ config, source }: Pick<Services, 'config' | 'source'>): ProjectTruth {
  return {
    async ask(projectIds) {
      const { createProjectTruth } = await import('../source/truth.ts');
      return createProjectTruth(await source(), config).ask(projectIds);
    },
  };
}

/** Where events are published. */
export async function eventsPublisher({ publisher }: Pick<Services, 'publisher'>): Promise<Publisher> {
  const [events, deletions] = await Promise.all([
    publisher(params.eventsTopic.value()),
    publisher(params.deletionsTopic.value()),
  ]);
  return createEventsPublisher({ events, deletions });
}

/** Where the messages of decisions are published. */
export function publisherTo({ publisher }: Pick<Services, 'publisher'>): PublisherTo {
  const topics: Readonly<Record<OutboxTopic, () => Promise<Publisher>>> = {
    events: () => eventsPublisher({ publisher }),
    reconciliationRequests: () => publisher(params.requestsTopic.value()),
  };
  return (topic) => topics[topic]();
}
