import type { PubSub } from '@google-cloud/pubsub';
import { initializeApp } from 'firebase-admin/app';
import { type Firestore, getFirestore } from 'firebase-admin/firestore';
import { recordCollections } from '../config/defineConfig.ts';
import { deletionsTopic, eventsTopic, firestoreDatabase } from '../config/params.ts';
import { createEventsPublisher } from '../eventsPublisher.ts';
import { grpcStatus, statusOf } from '../grpc.ts';
import config from '../lockstep.config.ts';
import { errorText } from '../log.ts';
import { createPublisher, createPubSub, type Publisher } from '../publisher.ts';
import { connectSource, type ProjectsSource, SourceError } from '../source/connect.ts';
import { orThrow, within } from '../waiting.ts';
import type { Environment, Terminal } from './terminal.ts';

/** A service that a command depends on cannot be used; the message says which, and which variable names it. */
export class ServiceError extends Error {}

/** How long a service is waited for, in ms: with the start of the process, whoever runs the command hears of it within
 *  ten seconds. MongoDB's driver gives up by itself before that, and knows best why. */
const patienceMs = { google: 5_000, mongodb: 9_000 };

/** How long a step of the work may take that a person waits for, in ms. Each takes well below a second. */
const stepMs = 9_000;

/** How often it is said what is being waited for, in ms. */
const sayEveryMs = 2_000;

interface Service {
  readonly name: 'Firestore' | 'Pub/Sub' | 'MongoDB';
  /** Where it is, and what to look at when it is not there. */
  readonly at: string;
  readonly advice: string;
}

function googleService(name: 'Firestore' | 'Pub/Sub', env: Environment): Service {
  const variable = name === 'Firestore' ? 'FIRESTORE_EMULATOR_HOST' : 'PUBSUB_EMULATOR_HOST';
  const host = env[variable];
  const database = firestoreDatabase.value();
  const named = name === 'Firestore' && database !== '(default)' ? `, database ${database},` : '';
  if (host) {
    const advice = `${variable} names it: start it, or unset the variable for the real ${name} of GCLOUD_PROJECT`;
    return { name, at: `at ${host}${named}`, advice };
  }
  return {
    name,
    at: `of project ${env.GCLOUD_PROJECT || env.GOOGLE_CLOUD_PROJECT}${named}`,
    advice: `check GCLOUD_PROJECT, ${named && 'FIRESTORE_DATABASE, '}the network and the credentials; ${variable} would name a local one`,
  };
}

const mongodb: Service = {
  name: 'MongoDB',
  at: 'of MONGODB_URI',
  advice: 'check the variable, the network and the server',
};

/** Firestore, once it has answered: one read.
 *  @throws ServiceError */
export async function openFirestore(terminal: Terminal, projectId: string): Promise<Firestore> {
  const firestore = getFirestore(initializeApp({ projectId }), firestoreDatabase.value());
  terminal.atEnd(() => firestore.terminate());
  const service = googleService('Firestore', process.env);
  const answer = firestore.collection(recordCollections.relay).doc('reachable').get();
  await firstAnswer(terminal, service, answer, patienceMs.google);
  return firestore;
}

/** Pub/Sub, once it has answered about the topics of events.
 *  @throws ServiceError */
export async function openPubSub(terminal: Terminal, projectId: string): Promise<PubSub> {
  const pubsub = createPubSub(projectId);
  terminal.atEnd(() => pubsub.close());
  const answers = [eventsTopic, deletionsTopic].map((topic) =>
    pubsub
      .topic(topic.value())
      .getMetadata()
      .catch((error: unknown) => {
        // Who may only publish may not look at the topic, but has got an answer.
        if (statusOf(error) !== grpcStatus.permissionDenied) throw error;
      }),
  );
  await firstAnswer(terminal, googleService('Pub/Sub', process.env), Promise.all(answers), patienceMs.google);
  return pubsub;
}

/** Publishes events, each to the topic of its type. */
export function eventsPublisher(pubsub: PubSub): Publisher {
  return createEventsPublisher({
    events: createPublisher(pubsub, eventsTopic.value()),
    deletions: createPublisher(pubsub, deletionsTopic.value()),
  });
}

/** The topics of events, for a command that a person waits for: what Pub/Sub has not taken in time has failed.
 *  @throws ServiceError */
export async function openEvents(terminal: Terminal, projectId: string): Promise<Publisher> {
  const events = eventsPublisher(await openPubSub(terminal, projectId));
  const service = googleService('Pub/Sub', process.env);
  return { ...events, publish: (message) => reach(terminal, service, events.publish(message), patienceMs.google) };
}

/** For a command that publishes nothing, and so does not depend on Pub/Sub. */
export const noEvents: Publisher = {
  publish: () => Promise.reject(new Error('this command was not meant to publish anything')),
  flush: () => Promise.resolve(),
};

/** MongoDB, once it has answered.
 *  @throws SourceError, ServiceError */
export async function openMongodb(terminal: Terminal, uri: string): Promise<ProjectsSource> {
  const source = await firstAnswer(terminal, mongodb, connectSource(uri, config), patienceMs.mongodb);
  terminal.atEnd(() => source.close());
  return source;
}

/** What Firestore answers, for a command that a person waits for.
 *  @throws ServiceError when it takes too long, and what Firestore answered. */
export function inTime<T>(terminal: Terminal, answer: Promise<T>): Promise<T> {
  return reach(terminal, googleService('Firestore', process.env), answer, stepMs);
}

/** The pages of a listing, each of which is waited for by `wait`. */
export async function* eachInTime<T>(
  pages: AsyncGenerator<T, void>,
  wait: <R>(answer: Promise<R>) => Promise<R>,
): AsyncGenerator<T, void> {
  for (;;) {
    const { done, value } = await wait(pages.next());
    if (done || value === undefined) return;
    yield value;
  }
}

/** The first answer of a service; if it is a refusal, the service cannot be used. */
async function firstAnswer<T>(terminal: Terminal, service: Service, answer: Promise<T>, ms: number): Promise<T> {
  try {
    return await reach(terminal, service, answer, ms);
  } catch (error) {
    if (error instanceof SourceError || error instanceof ServiceError || terminal.signal.aborted) throw error;
    throw new ServiceError(refused(service, error), { cause: error });
  }
}

/** Waits for an answer of a service, and says so meanwhile. */
async function reach<T>(terminal: Terminal, service: Service, answer: Promise<T>, ms: number): Promise<T> {
  const { clock, signal } = terminal;
  let cancel = () => {};
  const sayLater = () => {
    cancel = clock.after(sayEveryMs, () => {
      terminal.progress(`waiting for ${service.name} ${service.at}`);
      sayLater();
    });
  };
  sayLater();
  try {
    if (!(await orThrow(within(clock, ms, answer), signal))) throw new ServiceError(unreachable(service));
    return await answer;
  } catch (error) {
    throw isUnanswered(error) ? new ServiceError(unreachable(service), { cause: error }) : error;
  } finally {
    cancel();
  }
}

/** An error as one sentence for the terminal. What a client library says of a service that does not answer is
 *  replaced. */
export function errorSentence(error: unknown, env: Environment): string {
  // These say all there is to do; what the library said stands in them already.
  if (error instanceof SourceError || error instanceof ServiceError) return error.message;
  if (error instanceof Error && /^Mongo(ServerSelection|Network)/.test(error.name)) return unreachable(mongodb);
  if (!isUnanswered(error)) return errorText(error);
  return unreachable(googleService(/pubsub/i.test(errorText(error)) ? 'Pub/Sub' : 'Firestore', env));
}

function unreachable({ name, at, advice }: Service): string {
  return `${name} ${at} does not answer. ${capital(advice)}.`;
}

function refused({ name, at }: Service, error: unknown): string {
  const [said = ''] = errorText(error).split(/\s*Resolution note:|\n/);
  const checks = 'Check GCLOUD_PROJECT, the credentials and what they allow, and that the project is provisioned';
  return `${name} ${at} cannot be used: ${said.replace(/\.$/, '')}. ${checks}.`;
}

const capital = (text: string) => (/^[a-z]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text);

function isUnanswered(error: unknown): boolean {
  const status = statusOf(error);
  return status === grpcStatus.unavailable || status === grpcStatus.deadlineExceeded;
}
