import config from '../src/lockstep.config.ts';
import { createPubSub } from '../src/publisher.ts';

/** The topics that events are published to, by their default names. */
export const eventTopics = ['project-events', 'project-deletions'] as const;

/** The topics of a deployment, by their default names. */
const topics = [
  ...eventTopics,
  'project-events-dead-letter',
  'reconciliation-requests',
  'sync-alerts',
  ...(config.converged ? ['project-converged'] : []),
];

/** gRPC status of what exists already: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const alreadyExists = 6;

/** Creates the topics on a local Pub/Sub, as the provisioning does in the cloud; those that exist stay as they are. */
export async function createTopics(pubsubHost: string, projectId: string): Promise<void> {
  const client = createPubSub(projectId, pubsubHost);
  try {
    for (const topic of topics) {
      await client.createTopic(topic).catch((error: unknown) => {
        if (typeof error !== 'object' || error === null || !('code' in error) || error.code !== alreadyExists)
          throw error;
      });
    }
  } finally {
    await client.close();
  }
}
