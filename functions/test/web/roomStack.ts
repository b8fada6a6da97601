import { Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { relayHasPlace } from '../../local/relayHasPlace.ts';
import type { User, Users } from '../../local/servers/auth/users.ts';
import { startStack } from '../../local/stack.ts';
import config from '../../src/lockstep.config.ts';
import { operations } from '../../src/operations/all.ts';
import { createPublisher, createPubSub } from '../../src/publisher.ts';
import { connectSource, type ProjectsSource } from '../../src/source/connect.ts';
import { until } from '../support/until.ts';

/** What other processes do, in ms, on a machine that is busy. */
const patienceMs = 60_000;

/** The whole local stack with the page, and what tests do behind its back. */
export interface RoomStack {
  readonly url: string;
  readonly projectId: string;
  readonly firestore: Firestore;
  readonly projects: ProjectsSource['projects'];
  readonly users: Users;
  /** Names of the operations that change something. */
  readonly operations: readonly string[];
  user(email: string): User;
  /** Puts a message on the topic of events. */
  publish(text: string): Promise<void>;
  /** Makes projects with one storyboard each, and waits until they are known; returns their ids. */
  projectsWithAssets(count: number, name: string): Promise<string[]>;
  assetsOf(projectId: string): Promise<number>;
  /** Ids of the projects whose deletion is held. */
  held(): Promise<string[]>;
  until(what: string, holds: () => Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

export async function startRoomStack(): Promise<RoomStack> {
  const stack = await startStack({
    ports: { mongodb: 0, firestore: 0, pubsub: 0, functions: 0, page: 0 },
    env: { HOLD_MAX_PROJECTS: '1', RECONCILE_GRACE_MINUTES: '0' },
    retry: { minBackoffMs: 100, maxBackoffMs: 500 },
  });
  const { page, variables, firestoreHost: host } = stack;
  if (page === undefined) throw new Error('the stack runs without its page');
  const projectId = variables.GCLOUD_PROJECT ?? '';
  const firestore = new Firestore({ projectId, host, ssl: false });
  const source = await connectSource(stack.mongodbUri, config);
  const pubsub = createPubSub(projectId, stack.pubsubHost);
  const events = createPublisher(pubsub, 'project-events');
  const eventually = (what: string, holds: () => Promise<boolean>) => until(holds, what, patienceMs);
  await eventually('the relay to tail the stream', () => relayHasPlace(firestore));
  return {
    url: page.url,
    projectId,
    firestore,
    projects: source.projects,
    users: page.users,
    operations: operations.filter(({ changes }) => changes).map(({ name }) => name),
    user(email) {
      const user = page.users.byEmail(email);
      if (user === undefined) throw new Error(`no account ${email}`);
      return user;
    },
    publish: async (text) => void (await events.publish({ data: Buffer.from(text), attributes: {} })),
    async projectsWithAssets(count, name) {
      const ids = Array.from({ length: count }, () => new ObjectId());
      for (const id of ids) {
        await firestore.doc(`storyboards/${id}`).set({ projectId: String(id), projectName: name });
      }
      await source.projects.insertMany(ids.map((_id) => ({ _id, name })));
      const records = ids.map((id) => firestore.doc(`syncProjects/${id}`));
      await eventually('the projects to be known', async () =>
        (await firestore.getAll(...records)).every(({ exists }) => exists),
      );
      return ids.map(String);
    },
    async assetsOf(id) {
      const counted = await firestore.collection('storyboards').where('projectId', '==', id).count().get();
      return counted.data().count;
    },
    async held() {
      const jobs = await firestore.collection('syncJobs').where('status', '==', 'held').get();
      return jobs.docs.map((job) => String(job.get('projectId')));
    },
    until: eventually,
    async close() {
      await source.close();
      await pubsub.close();
      await firestore.terminate();
      await stack.close();
    },
  };
}
