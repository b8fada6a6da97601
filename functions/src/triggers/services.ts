import { randomUUID } from 'node:crypto';
import { getApps, initializeApp } from 'firebase-admin/app';
import { type Firestore, getFirestore } from 'firebase-admin/firestore';
import * as logger from 'firebase-functions/logger';
import { type Clock, systemClock } from '../clock.ts';
import type { Config } from '../config/defineConfig.ts';
import * as params from '../config/params.ts';
import type { Log } from '../log.ts';
import { createPublisher, createPubSub, type Publisher } from '../publisher.ts';
import { connectSource, type ProjectsSource } from '../source/connect.ts';
import { createProjectTruth, type ProjectTruth } from '../source/truth.ts';
import type { SyncDependencies } from '../sync/dependencies.ts';
import { defaultSyncLimits } from '../sync/limits.ts';
import { createThrottle } from '../sync/throttle.ts';
import { createSyncWorker, type SyncWorker } from '../sync/worker.ts';

/** What the functions of one process share. Everything is made at its first use: loading the code does no input or output. */
export interface Services {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly uniqueId: () => string;
  firestore(): Firestore;
  /** The connected collection of projects. A failed connection is tried anew by the next call.
   *  @throws SourceError */
  source(): Promise<ProjectsSource>;
  /** Publisher to a topic by its name. */
  publisher(topic: string): Publisher;
  worker(): SyncWorker;
  /** Aborted when the instance is asked to stop (SIGTERM): work then keeps its progress and ends. */
  readonly stopping: () => AbortSignal;
}

const millisecondsPerSecond = 1_000;

/** Logs through Cloud Logging's structured lines (https://cloud.google.com/logging/docs/structured-logging). */
export const cloudLog: Log = {
  debug: (message, fields) => logger.debug(message, fields ?? {}),
  info: (message, fields) => logger.info(message, fields ?? {}),
  warn: (message, fields) => logger.warn(message, fields ?? {}),
  error: (message, fields) => logger.error(message, fields ?? {}),
  alarm: (alarm, message, fields) => logger.error(message, { alarm, ...fields }),
};

/** The services of a process that runs functions, from the deployment's parameters and the usual variables. */
export function createServices(config: Config): Services {
  const clock = systemClock;
  const firestore = once(() => {
    if (getApps().length === 0) initializeApp();
    return getFirestore();
  });
  const pubsub = once(() => createPubSub(process.env.GCLOUD_PROJECT));
  const publishers = new Map<string, Publisher>();
  const stopping = once(() => {
    const controller = new AbortController();
    process.once('SIGTERM', () => controller.abort(new Error('the instance is asked to stop')));
    return controller.signal;
  });

  let connecting: Promise<ProjectsSource> | undefined;
  function source(): Promise<ProjectsSource> {
    connecting ??= connectSource(params.mongodbUri.value(), config).catch((error: unknown) => {
      connecting = undefined;
      throw error;
    });
    return connecting;
  }

  function publisher(topic: string): Publisher {
    const known = publishers.get(topic) ?? createPublisher(pubsub(), topic);
    publishers.set(topic, known);
    return known;
  }

  /** Connects only when the first deletion asks. */
  const truth: ProjectTruth = {
    ask: async (projectIds) => createProjectTruth(await source(), config).ask(projectIds),
  };

  const shared = { config, clock, log: cloudLog, random: Math.random, uniqueId: randomUUID };
  const worker = once(() => {
    const dependencies: SyncDependencies = {
      ...shared,
      firestore: firestore(),
      truth,
      events: publisher(params.eventsTopic.value()),
      limits: {
        ...defaultSyncLimits,
        maxAttempts: params.syncMaxAttempts.value(),
        leaseMs: params.syncLeaseSeconds.value() * millisecondsPerSecond,
      },
      throttle: createThrottle(),
    };
    return createSyncWorker(dependencies);
  });
  return { ...shared, firestore, source, publisher, worker, stopping };
}

/** Makes a value at the first call and returns the same one ever after. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
