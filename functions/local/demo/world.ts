import { initializeApp } from 'firebase-admin/app';
import { type Firestore, getFirestore } from 'firebase-admin/firestore';
import { type Collection, ObjectId } from 'mongodb';
import { firestoreDatabase } from '../../src/config/params.ts';
import { decodeEvent } from '../../src/events/codec.ts';
import type { ProjectEvent } from '../../src/events/contract.ts';
import config from '../../src/lockstep.config.ts';
import { createPublisher, createPubSub, type Publisher } from '../../src/publisher.ts';
import { connectSource, type ProjectDocument } from '../../src/source/connect.ts';
import type { Stack } from '../stack.ts';
import { eventTopics } from '../topics.ts';
import { type Billed, createObserver, type Observer } from './observer.ts';
import { type AssetCounts, assetsOfProject, type ProjectFields, projectNames, usualMembers } from './seedData.ts';
import type { Row } from './table.ts';
import { writeAll } from './writeAll.ts';

/** Everything the demo's scenarios act on, through the real clients. */
export interface World {
  readonly stack: Stack;
  readonly projects: Collection<ProjectDocument>;
  readonly firestore: Firestore;
  readonly observer: Observer;
  /** Events that went through the topics since the demo began, as subscribers of its own see them. */
  readonly seenEvents: readonly ProjectEvent[];
  /** Publishes to the topic of events whatever it is, as another producer may. */
  readonly events: Publisher;
  /** Asks for a reconciliation. */
  readonly requests: Publisher;
  /** Inserts a project with assets of every kind; resolves when its creation has been applied. */
  createProject(counts: AssetCounts, name?: string): Promise<DemoProject>;
  /** Measures an act: from its acknowledgement until the condition holds. */
  measure(act: () => Promise<unknown>, what: string, condition: () => Promise<boolean>): Promise<Measured>;
  close(): Promise<void>;
}

export interface DemoProject {
  readonly id: ObjectId;
  /** The string form of the id. */
  readonly projectId: string;
  readonly name: string;
}

export interface Measured {
  readonly latencyMs: number;
  readonly billed: string | undefined;
}

/** One thing that the demo shows. */
export interface Scenario {
  readonly title: string;
  run(world: World): Promise<readonly Row[]>;
}

/** Connects the real clients to a stack. */
export async function createWorld(stack: Stack): Promise<World> {
  Object.assign(process.env, stack.variables);
  const app = initializeApp({ projectId: stack.variables.GCLOUD_PROJECT ?? '' });
  const firestore = getFirestore(app, firestoreDatabase.value());
  const source = await connectSource(stack.mongodbUri, config);
  const pubsub = createPubSub(stack.variables.GCLOUD_PROJECT, stack.pubsubHost);
  const observer = createObserver(firestore, config, stack.firestore?.meter);
  const seenEvents: ProjectEvent[] = [];
  const taps = await Promise.all(
    eventTopics.map(async (topic) => {
      const [tap] = await pubsub.topic(topic).createSubscription(`demo-tap-${topic}-${process.pid}`);
      tap.on('message', (message) => {
        const decoded = decodeEvent(message.data);
        if (decoded.ok) seenEvents.push(decoded.event);
        message.ack();
      });
      return tap;
    }),
  );
  let created = 0;

  const world: World = {
    stack,
    projects: source.projects,
    firestore,
    observer,
    seenEvents,
    events: createPublisher(pubsub, 'project-events'),
    requests: createPublisher(pubsub, 'reconciliation-requests'),
    async createProject(counts, name = projectNames[created % projectNames.length] ?? 'Untitled') {
      created += 1;
      const id = new ObjectId();
      const projectId = id.toHexString();
      const fields = { name, description: `A short film: ${name}`, members: usualMembers } satisfies ProjectFields;
      await source.projects.insertOne({ _id: id, ...fields, updatedBy: 'user-17', likes: 0 });
      await writeAll(firestore, assetsOfProject(projectId, fields, counts));
      await observer.until(`the creation of ${projectId} to be applied`, async () => {
        const record = await firestore.doc(`syncProjects/${projectId}`).get();
        return record.exists && record.get('appliedRevision') === record.get('revision');
      });
      return { id, projectId, name };
    },
    async measure(act, what, condition) {
      const billed = observer.billing();
      await act();
      const acknowledged = performance.now();
      await observer.until(what, condition);
      const latencyMs = performance.now() - acknowledged;
      return { latencyMs, billed: format(billed()) };
    },
    async close() {
      for (const tap of taps) {
        await tap.delete();
        await tap.close();
      }
      await pubsub.close();
      await source.close();
      await firestore.terminate();
    },
  };
  return world;
}

function format(billed: Billed | undefined): string | undefined {
  return billed === undefined ? undefined : `${billed.reads}/${billed.writes}/${billed.deletes}`;
}
