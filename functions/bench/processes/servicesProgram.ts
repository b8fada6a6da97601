// MongoDB, Firestore and Pub/Sub in one process, so that their work is not that of the client that is measured.
import { z } from 'zod';
import { startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { startMongoServer } from '../../local/servers/mongodb/server.ts';
import { startPubSubServer } from '../../local/servers/pubsub/server.ts';
import { createTopics } from '../../local/topics.ts';
import { delayCalls } from './delayCalls.ts';
import { answerParent } from './requests.ts';
import { benchProjectId } from './servicesProcess.ts';

const [indexes] = process.argv.slice(2);
const [mongodb, firestore, pubsub] = await Promise.all([
  startMongoServer(),
  startFirestoreServer(indexes === undefined ? {} : { indexes: z.looseObject({}).parse(JSON.parse(indexes)) }),
  startPubSubServer(),
]);
await createTopics(pubsub.host, benchProjectId);

answerParent({
  addresses: () => ({ mongodbUri: mongodb.uri, firestoreHost: firestore.host, pubsubHost: pubsub.host }),
  usage: () => firestore.meter.snapshot(),
  idle: () => pubsub.idle(),
  clearFirestore: () => firestore.clear(),
  roundTrip: (argument) => delayCalls(firestore.faults, z.number().parse(argument)),
});
