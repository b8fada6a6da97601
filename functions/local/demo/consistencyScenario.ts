import type { Subscription } from '@google-cloud/pubsub';
import { MongoClient, type UpdateFilter } from 'mongodb';
import { projectConvergedSchema } from '../../src/events/contract.ts';
import { createInStep } from '../../src/inStep/inStep.ts';
import { createPubSub } from '../../src/publisher.ts';
import type { ProjectDocument } from '../../src/source/connect.ts';
import type { AssetCounts } from './seedData.ts';
import type { Row } from './table.ts';
import type { Scenario, World } from './world.ts';

const small: AssetCounts = { storyboards: 2, panels: 0, analyses: 1, media: 3, prototypes: 1, scenes: 0 };

/** Assets of `small` that hold a copy of the name: storyboards, media and prototypes. */
const withName = small.storyboards + small.media + small.prototypes;

/** Longest wait of a step, in ms: a rename takes some hundred. */
const timeoutMs = 10_000;

export const consistencyScenario: Scenario = {
  title: 'read-your-writes, and others who follow',
  async run(world) {
    const client = await new MongoClient(world.stack.mongodbUri).connect();
    const pubsub = createPubSub(world.stack.variables.GCLOUD_PROJECT, world.stack.pubsubHost);
    const [follower] = await pubsub.topic('project-converged').createSubscription(`demo-follower-${process.pid}`);
    try {
      return await show(world, client, follow(follower));
    } finally {
      await follower.delete();
      await follower.close();
      await pubsub.close();
      await client.close();
    }
  },
};

/** What another store would show: of each project what the messages said last. */
function follow(subscription: Subscription): ReadonlyMap<string, string> {
  const shown = new Map<string, string>();
  subscription.on('message', (message) => {
    const { projectId, kind, fields } = projectConvergedSchema.parse(JSON.parse(message.data.toString()));
    shown.set(projectId, kind === 'deleted' ? 'gone' : String(fields.name));
    message.ack();
  });
  return shown;
}

async function show(world: World, client: MongoClient, shown: ReadonlyMap<string, string>): Promise<Row[]> {
  const { firestore, observer, projects } = world;
  const { waitUntilInStep } = createInStep({ firestore, mongodb: client });
  const { id, projectId } = await world.createProject(small);
  const name = 'Read your own writes';

  const renamed = await waitAfter({ $set: { name } });
  const named = await observer.countNamed(projectId, name);
  await observer.until('the follower to be notified of the name', async () => shown.get(projectId) === name);
  const followed = shown.get(projectId);
  const other = await waitAfter({ $set: { likes: 1 } });
  await projects.deleteOne({ _id: id });
  await observer.until('the follower to be notified of the deletion', async () => shown.get(projectId) === 'gone');
  const left = await observer.count(projectId);

  return [
    {
      what: 'waitUntilInStep after a rename',
      expected: `then ${withName} copies show it`,
      mongodb: `name ${JSON.stringify(name)}`,
      firestore: `${renamed.kind}, ${named} copies show it`,
      passed: renamed.kind === 'in-step' && named === withName,
      latencyMs: renamed.latencyMs,
    },
    {
      what: 'after a change that no asset repeats',
      expected: 'in step at once',
      mongodb: 'likes 1',
      firestore: other.kind,
      passed: other.kind === 'in-step',
      latencyMs: other.latencyMs,
    },
    {
      what: 'project-converged',
      expected: 'a follower shows the name, then nothing',
      mongodb: 'no project',
      firestore: `"${followed}", then ${shown.get(projectId)}; ${left} assets left`,
      passed: followed === name && left === 0,
    },
  ];

  /** Writes as the owning service does, and waits for that write. */
  async function waitAfter(update: UpdateFilter<ProjectDocument>): Promise<{ kind: string; latencyMs: number }> {
    return client.withSession(async (session) => {
      await collectionOf(client, projects.namespace).updateOne({ _id: id }, update, { session });
      const acknowledged = performance.now();
      if (session.operationTime === undefined) throw new Error('MongoDB did not say when the write was');
      const { kind } = await waitUntilInStep(projectId, { atLeast: session.operationTime, timeoutMs });
      return { kind, latencyMs: performance.now() - acknowledged };
    });
  }
}

/** The projects over a connection of the service's own. */
function collectionOf(client: MongoClient, namespace: string) {
  const [database = '', ...collection] = namespace.split('.');
  return client.db(database).collection<ProjectDocument>(collection.join('.'));
}
