// A Firestore server in a process of its own, so that its work and memory are not those of the client that is measured.
import { startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { answerParent } from './requests.ts';

const server = await startFirestoreServer();

answerParent({
  host: () => server.host,
  usage: () => server.meter.snapshot(),
  documents: () => server.stats().documents,
  clear: () => server.clear(),
});
